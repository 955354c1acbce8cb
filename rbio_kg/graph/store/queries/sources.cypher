// sources: The sources of the graph, each with its version, licence, rows and checksum.
MATCH (s:Source)
RETURN s.name AS name, s.version AS version, s.date AS date, s.rows AS rows, s.rejected AS rejected,
       s.licence AS licence, s.commercial AS commercial, s.simulated AS simulated, s.url AS url, s.sha256 AS sha256
ORDER BY name
