// terms_of_gene: GO terms that a gene is annotated with, the most specific first.
// $symbol: approved symbol, for example "TP53"
// $top = 50: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:ANNOTATED_WITH]->(t:GoTerm)
RETURN t.id AS id, t.name AS name, t.namespace AS namespace, t.information_content AS information_content,
       r.qualifier AS qualifier, r.evidence AS evidence, r.source AS source
ORDER BY coalesce(information_content, 0.0) DESC, id, qualifier
LIMIT $top
