// shared_pathways: Pathways that two genes take part in, the smallest first.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
// $top = 25: maximum number of rows
MATCH (:Gene {symbol: $subject})-[:MEMBER_OF]->(p:Pathway)<-[:MEMBER_OF]-(:Gene {symbol: $object})
WITH DISTINCT p
RETURN p.id AS id, p.name AS name, p.source AS source, COUNT { (p)<-[:MEMBER_OF]-() } AS genes
ORDER BY genes, id
LIMIT $top
