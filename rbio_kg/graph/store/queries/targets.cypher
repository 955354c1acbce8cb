// targets: Genes that a transcription factor regulates.
// $symbol: symbol of the transcription factor, for example "TP53"
// $top = 50: maximum number of rows
MATCH (:Gene {symbol: $symbol})-[r:REGULATES]->(target:Gene)
RETURN target.symbol AS target, target.name AS name, r.sign AS sign,
       coalesce(r.references, []) AS references, r.source AS source
ORDER BY target
LIMIT $top
