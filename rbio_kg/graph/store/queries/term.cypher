// term: A GO term with its parents and children, and the number of direct annotations of each.
// $id: GO id, for example "GO:0006915"
MATCH (t:GoTerm {id: $id})
CALL (t) {
  RETURN t AS other, 0 AS place, 'itself' AS relation
  UNION ALL
  MATCH (t)-[r:IS_A|PART_OF]->(other:GoTerm) RETURN other, 1 AS place, 'parent by ' + toLower(type(r)) AS relation
  UNION ALL
  MATCH (t)<-[r:IS_A|PART_OF]-(other:GoTerm) RETURN other, 2 AS place, 'child by ' + toLower(type(r)) AS relation
}
RETURN relation, other.id AS id, other.name AS name, other.namespace AS namespace,
       other.information_content AS information_content, COUNT { (other)<-[:ANNOTATED_WITH]-() } AS annotations
ORDER BY place, relation, id
