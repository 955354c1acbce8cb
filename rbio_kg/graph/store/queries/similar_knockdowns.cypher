// similar_knockdowns: Genes whose knockdown changes the same genes as another's in one cell line (training data only).
// $symbol: symbol of the gene knocked down, for example "TP53"
// $cell_line: lower-case name of the cell line, for example "k562"
// $top = 25: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:KNOCKDOWN_CHANGES {cell_line: $cell_line}]->(changed:Gene)
MATCH (changed)<-[o:KNOCKDOWN_CHANGES {cell_line: $cell_line}]-(other:Gene)
WHERE other.symbol <> $symbol
WITH other, count(*) AS shared, sum(CASE WHEN o.direction = r.direction THEN 1 ELSE 0 END) AS same_direction
RETURN other.symbol AS gene, other.name AS name, shared, same_direction
ORDER BY shared DESC, same_direction DESC, gene
LIMIT $top
