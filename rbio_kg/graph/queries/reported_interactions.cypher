// reported_interactions: Genes that experiments report as interacting with a gene, and STRING's score where it has one.
// $symbol: approved symbol, for example "TP53"
// $top = 25: rows at most
MATCH (g:Gene {symbol: $symbol})-[r:REPORTED_INTERACTION]-(partner:Gene)
WITH g, partner, r.source AS source
ORDER BY source
WITH g, partner, collect(source) AS sources
OPTIONAL MATCH (g)-[r:INTERACTS_WITH]-(partner)
RETURN partner.symbol AS partner, partner.name AS name, sources, r.score AS score
ORDER BY size(sources) DESC, coalesce(score, 0) DESC, partner
LIMIT $top
