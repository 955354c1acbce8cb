// ancestors_of_term: Terms above a GO term by is_a and part_of, the most specific first.
// $id: GO id, for example "GO:0006915"
MATCH (:GoTerm {id: $id})-[:IS_A|PART_OF*1..]->(t:GoTerm)
WITH DISTINCT t
RETURN t.id AS id, t.name AS name, t.namespace AS namespace, t.information_content AS information_content
ORDER BY coalesce(information_content, 0.0) DESC, id
