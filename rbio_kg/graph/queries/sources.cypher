// sources: Where the graph comes from: each source with its version, licence and rows.
MATCH (s:Source)
RETURN s.name AS name, s.version AS version, s.date AS date, s.rows AS rows, s.rejected AS rejected,
       s.licence AS licence, s.url AS url, s.simulated AS simulated, s.sha256 AS sha256
ORDER BY name
