// verdicts_of_claim: Every verdict on a claim, by run and verifier, with its completions and citations counted.
// $subject: approved symbol, for example "TP53"
// $object: gene symbol, GO id or pathway id, for example "MDM2"
// $relation = null: one relation; null for all
// $top = 50: maximum number of rows
MATCH (run:Run)-[p:PRODUCED]->(v:Verdict)-[:JUDGES]->(c:Claim {subject: $subject, object: $object})
WHERE $relation IS NULL OR c.relation = $relation
RETURN run.name AS run, c.relation AS relation, c.cell_line AS cell_line, v.verifier AS verifier, v.status AS status,
       v.score AS score, v.reason AS reason, p.completions AS completions,
       COUNT { (v)-[:CITES {side: 'start'}]->() } AS citations, v.id AS verdict
ORDER BY run, relation, cell_line, verifier, completions DESC, verdict
LIMIT $top
