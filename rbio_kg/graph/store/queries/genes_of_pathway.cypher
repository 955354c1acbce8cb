// genes_of_pathway: Genes that take part in a pathway or in one below it, those that the provider lists for it first.
// $id: the pathway's stable id, for example "R-HSA-69541"
// $top = 100: maximum number of rows
MATCH (:Pathway {id: $id})<-[r:MEMBER_OF]-(g:Gene)
RETURN g.symbol AS symbol, g.name AS name, r.direct AS direct, r.source AS source
ORDER BY CASE WHEN direct THEN 0 ELSE 1 END, symbol, source
LIMIT $top
