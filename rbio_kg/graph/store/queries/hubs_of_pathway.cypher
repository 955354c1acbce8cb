// hubs_of_pathway: The most connected genes of a pathway, by their interactions with any gene. `direct`: the provider lists the gene for this pathway.
// $id: the pathway's stable id, for example "R-HSA-69541"
// $top = 25: maximum number of rows
MATCH (:Pathway {id: $id})<-[r:MEMBER_OF]-(g:Gene)
WITH g, max(CASE WHEN r.direct THEN 1 ELSE 0 END) AS listed
RETURN g.symbol AS symbol, g.name AS name, listed = 1 AS direct, COUNT { (g)-[:INTERACTS_WITH]-() } AS interactions
ORDER BY interactions DESC, symbol
LIMIT $top
