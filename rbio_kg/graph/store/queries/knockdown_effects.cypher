// knockdown_effects: Genes whose expression changed when a gene was knocked down (training data only).
// $symbol: symbol of the gene knocked down, for example "TP53"
// $cell_line = null: lower-case name of one cell line; null for all
// $top = 50: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:KNOCKDOWN_CHANGES]->(changed:Gene)
WHERE $cell_line IS NULL OR r.cell_line = $cell_line
RETURN changed.symbol AS changed, r.cell_line AS cell_line, r.direction AS direction, r.source AS source
ORDER BY changed, cell_line
LIMIT $top
