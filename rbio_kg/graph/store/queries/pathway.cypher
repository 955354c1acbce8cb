// pathway: A pathway with all pathways above it and those directly below, and the number of genes in each. `direct_genes` counts those that the provider lists for it.
// $id: the pathway's stable id, for example "R-HSA-69541"
MATCH (p:Pathway {id: $id})
CALL (p) {
  RETURN p AS other, 0 AS place, 'itself' AS relation
  UNION ALL
  MATCH (p)-[:CHILD_OF*1..]->(other:Pathway) WITH DISTINCT other RETURN other, 1 AS place, 'above' AS relation
  UNION ALL
  MATCH (p)<-[:CHILD_OF]-(other:Pathway) RETURN other, 2 AS place, 'below' AS relation
}
RETURN relation, other.id AS id, other.name AS name, other.source AS source,
       COUNT { (other)<-[:MEMBER_OF]-() } AS genes,
       COUNT { (other)<-[:MEMBER_OF {direct: true}]-() } AS direct_genes
ORDER BY place, genes, id
