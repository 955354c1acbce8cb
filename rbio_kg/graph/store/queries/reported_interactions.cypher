// reported_interactions: Genes that experiments report as interacting with a gene, and STRING's score where it has one.
// $symbol: approved symbol, for example "TP53"
// $top = 25: maximum number of rows
CALL () {
  MATCH (:Gene {symbol: $symbol})-[r:REPORTED_INTERACTION]-(x:Gene)
  RETURN x, r.source AS source, null AS score
  UNION ALL
  MATCH (:Gene {symbol: $symbol})-[r:INTERACTS_WITH]-(x:Gene)
  RETURN x, null AS source, r.score AS score
}
WITH x, source, score
ORDER BY source
WITH x, collect(source) AS sources, max(score) AS score
WHERE size(sources) > 0
RETURN x.symbol AS partner, x.name AS name, sources, score
ORDER BY size(sources) DESC, coalesce(score, 0) DESC, partner
LIMIT $top
