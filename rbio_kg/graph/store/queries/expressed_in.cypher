// expressed_in: Cell lines in which a gene's RNA is detected, the highest expression first.
// $symbol: approved symbol, for example "TP53"
MATCH (g:Gene {symbol: $symbol})-[r:EXPRESSED_IN]->(c:CellLine)
RETURN c.name AS cell_line, r.nx AS nx, r.source AS source
ORDER BY nx DESC, cell_line
