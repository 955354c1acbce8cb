// gene: One gene: its identifiers, and the number of its relationships in the graph.
// $symbol: approved symbol, for example "TP53"
MATCH (g:Gene {symbol: $symbol})
RETURN g.symbol AS symbol, g.name AS name, g.hgnc_id AS hgnc_id, g.entrez AS entrez, g.ensembl AS ensembl,
       coalesce(g.uniprot, []) AS uniprot, coalesce(g.aliases, []) AS aliases,
       COUNT { (g)-[:INTERACTS_WITH]-() } AS interactions,
       COUNT { (g)-[:ANNOTATED_WITH]->() } AS annotations,
       COUNT { (g)-[:MEMBER_OF]->() } AS pathways,
       COUNT { (g)-[:REGULATES]->() } AS targets,
       COUNT { (g)<-[:REGULATES]-() } AS regulators,
       COUNT { (g)-[:KNOCKDOWN_CHANGES]->() } AS knockdown_effects
ORDER BY symbol
