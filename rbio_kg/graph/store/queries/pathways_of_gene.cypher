// pathways_of_gene: Pathways that a gene takes part in, the smallest first.
// $symbol: approved symbol, for example "TP53"
// $top = 50: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:MEMBER_OF]->(p:Pathway)
RETURN p.id AS id, p.name AS name, r.direct AS direct, COUNT { (p)<-[:MEMBER_OF]-() } AS genes, r.source AS source
ORDER BY genes, id
LIMIT $top
