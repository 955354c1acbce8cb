// evidence_of_verdict: The relationships that a verdict cites, each by its two ends, the largest weight first.
// $id: the verdict's id (verdicts_of_claim and disagreements show them), for example "0123456789abcdef"
MATCH (v:Verdict {id: $id})-[c:CITES]->(n)
RETURN c.rank AS rank, c.path AS path, c.type AS type, c.weight AS weight, c.side AS side, labels(n)[0] AS label,
       coalesce(n.symbol, n.id, n.name) AS key, n.name AS name
ORDER BY rank, side DESC, key
