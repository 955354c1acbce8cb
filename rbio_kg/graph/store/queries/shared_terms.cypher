// shared_terms: GO terms that two genes share, ancestors by is_a and part_of included, the most specific first.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
// $top = 25: maximum number of rows
CALL () {
  MATCH (:Gene {symbol: $subject})-[:ANNOTATED_WITH]->(direct:GoTerm)
  WITH DISTINCT direct
  MATCH (direct)-[:IS_A|PART_OF*0..]->(t:GoTerm)
  RETURN DISTINCT t
  UNION ALL
  MATCH (:Gene {symbol: $object})-[:ANNOTATED_WITH]->(direct:GoTerm)
  WITH DISTINCT direct
  MATCH (direct)-[:IS_A|PART_OF*0..]->(t:GoTerm)
  RETURN DISTINCT t
}
WITH t, count(*) AS sides
WHERE sides = 2
RETURN t.id AS id, t.name AS name, t.namespace AS namespace, t.information_content AS information_content
ORDER BY coalesce(information_content, 0.0) DESC, id
LIMIT $top
