// enriched_terms: GO terms that genes of a list are annotated with directly, those shared by most of them first.
// $symbols: approved symbols, for example ["TP53", "MDM2", "CDKN1A", "ATM", "CHEK2"]
// $top = 25: maximum number of rows
UNWIND $symbols AS symbol
WITH DISTINCT symbol
MATCH (g:Gene {symbol: symbol})-[:ANNOTATED_WITH]->(t:GoTerm)
WITH t, count(DISTINCT symbol) AS shared
RETURN t.id AS id, t.name AS name, t.namespace AS namespace, t.information_content AS information_content, shared
ORDER BY shared DESC, coalesce(information_content, 0.0) DESC, id
LIMIT $top
