// runs: Runs whose evidence is in the graph, the latest first.
MATCH (run:Run)
OPTIONAL MATCH (run)-[:PRODUCED]->(v:Verdict)-[:JUDGES]->(c:Claim)
RETURN run.name AS name, run.kind AS kind, run.started AS started, run.build_id AS build_id,
       run.simulated AS simulated, count(DISTINCT v) AS verdicts, count(DISTINCT c) AS claims
ORDER BY started DESC, name
