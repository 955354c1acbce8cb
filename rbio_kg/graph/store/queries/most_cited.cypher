// most_cited: Nodes that verdicts cite most often.
// $run = null: one run by name; null for all
// $top = 20: maximum number of rows
MATCH (run:Run)-[:PRODUCED]->(v:Verdict)-[:CITES]->(n)
WHERE $run IS NULL OR run.name = $run
WITH n, count(DISTINCT v) AS verdicts, count(*) AS citations
RETURN labels(n)[0] AS label, coalesce(n.symbol, n.id, n.name) AS key, n.name AS name, verdicts, citations
ORDER BY verdicts DESC, citations DESC, label, key
LIMIT $top
