// licences: A gene's relations by type and source, and whether the source's licence allows commercial use.
// $symbol: approved symbol, for example "TP53"
MATCH (:Gene {symbol: $symbol})-[r]-(other)
WHERE NOT other:Claim AND NOT other:Verdict
WITH type(r) AS relation, r.source AS name, count(*) AS relations
OPTIONAL MATCH (s:Source {name: name})
RETURN relation, relations, name AS source, s.version AS version, s.licence AS licence, s.commercial AS commercial
ORDER BY relation, source
