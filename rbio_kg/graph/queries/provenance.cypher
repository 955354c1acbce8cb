// provenance: Everything that joins two genes directly, with the source that says so.
// $subject: approved symbol, for example "TP53"
// $object: approved symbol, for example "MDM2"
MATCH (:Gene {symbol: $subject})-[r]-(:Gene {symbol: $object})
OPTIONAL MATCH (s:Source {name: r.source})
RETURN type(r) AS relation, startNode(r).symbol AS start, endNode(r).symbol AS end, properties(r) AS says,
       s.name AS source, s.version AS version, s.date AS date, s.licence AS licence, s.url AS url,
       s.simulated AS simulated
ORDER BY relation, start, end, coalesce(r.cell_line, '')
