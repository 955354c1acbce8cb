// common_neighbours: Genes that interact with both of two genes, by the lower of both scores, highest first.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
// $min_score = 400: lowest combined score of both interactions, 0 to 1000
// $top = 25: maximum number of rows
CALL () {
  MATCH (:Gene {symbol: $subject})-[r:INTERACTS_WITH WHERE r.score >= $min_score]-(x:Gene)
  RETURN x, r.score AS subject_score, 0 AS object_score
  UNION ALL
  MATCH (:Gene {symbol: $object})-[r:INTERACTS_WITH WHERE r.score >= $min_score]-(x:Gene)
  RETURN x, 0 AS subject_score, r.score AS object_score
}
WITH x, max(subject_score) AS subject_score, max(object_score) AS object_score, count(*) AS sides
WHERE sides = 2
RETURN x.symbol AS gene, x.name AS name, subject_score, object_score
ORDER BY CASE WHEN subject_score < object_score THEN subject_score ELSE object_score END DESC,
         subject_score + object_score DESC, gene
LIMIT $top
