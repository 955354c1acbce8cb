// counts: How many nodes of each label and relationships of each type there are.
CALL {
  MATCH (n) RETURN 'node' AS kind, labels(n)[0] AS name, count(*) AS total
  UNION ALL
  MATCH ()-[r]->() RETURN 'relationship' AS kind, type(r) AS name, count(*) AS total
}
RETURN kind, name, total
ORDER BY kind, name
