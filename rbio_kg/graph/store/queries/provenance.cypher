// provenance: Every relation between two nodes, with its properties and the source that states it.
// $subject: key of a node: gene symbol, GO id, pathway id, gene set id or cell line, for example "TP53"
// $object: key of a node: gene symbol, GO id, pathway id, gene set id or cell line, for example "MDM2"
CALL () {
  MATCH (n:Gene {symbol: $subject}) RETURN n AS a
  UNION ALL
  MATCH (n:GoTerm {id: $subject}) RETURN n AS a
  UNION ALL
  MATCH (n:Pathway {id: $subject}) RETURN n AS a
  UNION ALL
  MATCH (n:GeneSet {id: $subject}) RETURN n AS a
  UNION ALL
  MATCH (n:CellLine {name: $subject}) RETURN n AS a
}
CALL () {
  MATCH (n:Gene {symbol: $object}) RETURN n AS b
  UNION ALL
  MATCH (n:GoTerm {id: $object}) RETURN n AS b
  UNION ALL
  MATCH (n:Pathway {id: $object}) RETURN n AS b
  UNION ALL
  MATCH (n:GeneSet {id: $object}) RETURN n AS b
  UNION ALL
  MATCH (n:CellLine {name: $object}) RETURN n AS b
}
MATCH (a)-[r]-(b)
OPTIONAL MATCH (s:Source {name: r.source})
WITH r, s, startNode(r) AS first, endNode(r) AS last
RETURN type(r) AS relation, coalesce(first.symbol, first.id, first.name) AS start,
       coalesce(last.symbol, last.id, last.name) AS end, properties(r) AS says, s.name AS source, s.version AS version,
       s.date AS date, s.licence AS licence, s.commercial AS commercial, s.simulated AS simulated, s.url AS url,
       s.sha256 AS sha256
ORDER BY relation, start, end, coalesce(r.cell_line, ''), coalesce(r.qualifier, ''), coalesce(r.sign, 0), source
