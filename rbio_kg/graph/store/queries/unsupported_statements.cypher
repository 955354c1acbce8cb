// unsupported_statements: Genes by statements about them in completions that the graph contradicts or does not contain.
// $run = null: one run by name; null for all
// $top = 20: maximum number of rows
MATCH (run:Run)-[s:STATED]->(c:Claim)-[:SUBJECT|OBJECT]->(g:Gene)
WHERE $run IS NULL OR run.name = $run
WITH g, sum(CASE WHEN s.finding = 'unknown' THEN s.completions ELSE 0 END) AS unknown,
     sum(CASE WHEN s.finding = 'contradicted' THEN s.completions ELSE 0 END) AS contradicted,
     sum(CASE WHEN s.finding = 'supported' THEN s.completions ELSE 0 END) AS supported
WHERE unknown + contradicted > 0
RETURN g.symbol AS gene, unknown, contradicted, supported,
       round(1.0 * supported / (unknown + contradicted + supported), 3) AS share_supported
ORDER BY unknown + contradicted DESC, contradicted DESC, gene
LIMIT $top
