// neighbours: Genes that interact with a gene, highest score first.
// $symbol: approved symbol, for example "TP53"
// $min_score = 400: lowest combined score, 0 to 1000
// $top = 25: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:INTERACTS_WITH]-(partner:Gene)
WHERE r.score >= $min_score
RETURN partner.symbol AS partner, partner.name AS name, r.score AS score, r.experiments AS experiments,
       r.database AS database, r.coexpression AS coexpression, r.textmining AS textmining, r.source AS source
ORDER BY score DESC, partner
LIMIT $top
