// disagreements: Claims on which verifiers disagree most: the spread of the verifiers' mean scores, widest first.
// $run = null: one run by name; null for all
// $top = 20: maximum number of rows
MATCH (run:Run)-[:PRODUCED]->(v:Verdict)-[:JUDGES]->(c:Claim)
WHERE v.status = 'ok' AND ($run IS NULL OR run.name = $run)
WITH run, c, v.verifier AS verifier, avg(v.score) AS score
ORDER BY verifier
WITH run, c, collect(verifier) AS verifiers, collect(round(score, 4)) AS scores, max(score) - min(score) AS distance
WHERE size(verifiers) > 1
RETURN run.name AS run, c.id AS claim, c.subject AS subject, c.relation AS relation, c.object AS object,
       c.cell_line AS cell_line, verifiers, scores, round(distance, 4) AS spread
ORDER BY spread DESC, run, claim
LIMIT $top
