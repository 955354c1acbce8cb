// regulation_chain: How one gene regulates another: directly, or through a factor between, both signs multiplied.
// $subject: symbol of the transcription factor, for example "TP53"
// $object: symbol of the regulated gene, for example "MDM2"
// $top = 25: maximum number of rows
MATCH (a:Gene {symbol: $subject}), (b:Gene {symbol: $object})
CALL (a, b) {
  MATCH (a)-[r:REGULATES]->(b)
  RETURN '' AS through, [r.sign] AS signs, [r.source] AS sources
  UNION ALL
  MATCH (a)-[r1:REGULATES]->(x:Gene), (b)<-[r2:REGULATES]-(x)
  RETURN x.symbol AS through, [r1.sign, r2.sign] AS signs, [r1.source, r2.source] AS sources
}
RETURN CASE through WHEN '' THEN null ELSE through END AS through, signs,
       reduce(sign = 1, item IN signs | sign * item) AS sign, sources
ORDER BY size(signs), sign DESC, through
LIMIT $top
