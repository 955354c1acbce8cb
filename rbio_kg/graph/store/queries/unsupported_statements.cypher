// unsupported_statements: Genes by what completions stated about them that the graph does not know or contradicts.
// $run = null: one run by name; null for all
// $top = 20: rows at most
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
