// regulators: Transcription factors that regulate a gene.
// $symbol: symbol of the regulated gene, for example "MDM2"
// $top = 50: maximum number of rows
MATCH (factor:Gene)-[r:REGULATES]->(:Gene {symbol: $symbol})
RETURN factor.symbol AS regulator, factor.name AS name, r.sign AS sign,
       coalesce(r.references, []) AS references, r.source AS source
ORDER BY regulator
LIMIT $top
