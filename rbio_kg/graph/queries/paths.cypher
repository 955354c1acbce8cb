// paths: Paths of at most 3 interactions between two genes, the strongest (product of scores / 1000) first.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
// $min_score = 700: lowest combined score of a step, 0 to 1000
// $top = 10: rows at most
MATCH (a:Gene {symbol: $subject}), (b:Gene {symbol: $object})
CALL (a, b) {
  MATCH (a)-[r1:INTERACTS_WITH WHERE r1.score >= $min_score]-(b)
  RETURN [a.symbol, b.symbol] AS genes, [r1.score] AS scores
  UNION ALL
  MATCH (a)-[r1:INTERACTS_WITH WHERE r1.score >= $min_score]-(x:Gene)
        -[r2:INTERACTS_WITH WHERE r2.score >= $min_score]-(b)
  RETURN [a.symbol, x.symbol, b.symbol] AS genes, [r1.score, r2.score] AS scores
  UNION ALL
  MATCH (a)-[r1:INTERACTS_WITH WHERE r1.score >= $min_score]-(x:Gene)
        -[r2:INTERACTS_WITH WHERE r2.score >= $min_score]-(y:Gene)
        -[r3:INTERACTS_WITH WHERE r3.score >= $min_score]-(b)
  RETURN [a.symbol, x.symbol, y.symbol, b.symbol] AS genes, [r1.score, r2.score, r3.score] AS scores
}
WITH genes, scores, round(reduce(weight = 1.0, score IN scores | weight * score / 1000.0), 6) AS weight
RETURN genes, scores, weight, size(scores) AS steps
ORDER BY weight DESC, steps, genes[1], genes[2]
LIMIT $top
