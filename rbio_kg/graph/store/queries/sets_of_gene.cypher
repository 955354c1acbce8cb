// sets_of_gene: Gene sets that a gene belongs to (families, complexes, modules), the smallest first.
// $symbol: approved symbol, for example "TP53"
MATCH (:Gene {symbol: $symbol})-[r:IN_SET]->(s:GeneSet)
RETURN s.id AS id, s.name AS name, s.kind AS kind, COUNT { (s)<-[:IN_SET]-() } AS genes, r.source AS source
ORDER BY genes, id
