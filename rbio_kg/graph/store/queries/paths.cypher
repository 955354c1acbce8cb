// paths: The strongest paths of 1 to 3 interactions between two genes; those of 3 use only each end's best partners.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
// $min_score = 700: lowest combined score of a step, 0 to 1000
// $width = 10: the number of each gene's strongest partners that a path of 3 may use
// $top = 10: maximum number of rows
CALL () {
  MATCH (:Gene {symbol: $subject})-[r:INTERACTS_WITH WHERE r.score >= $min_score]-(x:Gene)
  WITH x.symbol AS symbol, r.score AS score
  ORDER BY score DESC, symbol
  RETURN collect({symbol: symbol, score: score}) AS near
}
CALL () {
  MATCH (:Gene {symbol: $object})-[r:INTERACTS_WITH WHERE r.score >= $min_score]-(y:Gene)
  WITH y.symbol AS symbol, r.score AS score
  ORDER BY score DESC, symbol
  RETURN collect({symbol: symbol, score: score}) AS far
}
CALL (near, far) {
  UNWIND near AS first
  WITH first WHERE first.symbol = $object
  RETURN [$subject, $object] AS genes, [first.score] AS scores
  UNION ALL
  UNWIND [item IN near | {symbol: item.symbol, first: item.score, last: 0}] +
         [item IN far | {symbol: item.symbol, first: 0, last: item.score}] AS item
  WITH item.symbol AS middle, max(item.first) AS first, max(item.last) AS last, count(*) AS ends
  WHERE ends = 2
  RETURN [$subject, middle, $object] AS genes, [first, last] AS scores
  UNION ALL
  UNWIND near[..$width] AS first
  WITH first, far[..$width] AS ends, [item IN far[..$width] | item.symbol] AS symbols
  WHERE first.symbol <> $object
  MATCH (:Gene {symbol: first.symbol})-[r:INTERACTS_WITH WHERE r.score >= $min_score]-(y:Gene)
  WITH first, ends, r.score AS middle, y.symbol AS symbol, symbols
  WHERE symbol IN symbols AND symbol <> $subject
  UNWIND [item IN ends WHERE item.symbol = symbol] AS last
  RETURN [$subject, first.symbol, symbol, $object] AS genes, [first.score, middle, last.score] AS scores
}
WITH genes, scores, round(reduce(weight = 1.0, score IN scores | weight * score / 1000.0), 6) AS weight
RETURN genes, scores, weight, size(scores) AS steps
ORDER BY weight DESC, steps, genes[1], genes[2]
LIMIT $top
