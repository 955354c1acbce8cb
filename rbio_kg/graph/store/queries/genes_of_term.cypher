// genes_of_term: Genes annotated with a GO term or with a term below it by is_a and part_of, most annotations first.
// $id: GO id, for example "GO:0006915"
// $top = 50: maximum number of rows
MATCH (:GoTerm {id: $id})<-[:IS_A|PART_OF*0..]-(t:GoTerm)
WITH DISTINCT t
MATCH (t)<-[:ANNOTATED_WITH]-(g:Gene)
WITH g.symbol AS symbol, count(*) AS annotations
ORDER BY annotations DESC, symbol
LIMIT $top
MATCH (g:Gene {symbol: symbol})
RETURN symbol, g.name AS name, annotations
ORDER BY annotations DESC, symbol
