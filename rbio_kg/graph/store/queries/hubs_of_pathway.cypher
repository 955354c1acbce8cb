// hubs_of_pathway: The most connected genes of a pathway, by their interactions with any gene.
// $id: the pathway's stable id, for example "R-HSA-69541"
// $top = 25: maximum number of rows
MATCH (:Pathway {id: $id})<-[:MEMBER_OF]-(g:Gene)
WITH DISTINCT g
RETURN g.symbol AS symbol, g.name AS name, COUNT { (g)-[:INTERACTS_WITH]-() } AS interactions
ORDER BY interactions DESC, symbol
LIMIT $top
