// genes_of_pathway: Genes that take part in a pathway.
// $id: the pathway's stable id, for example "R-HSA-69541"
MATCH (:Pathway {id: $id})<-[r:MEMBER_OF]-(g:Gene)
RETURN g.symbol AS symbol, g.name AS name, r.source AS source
ORDER BY symbol, source
