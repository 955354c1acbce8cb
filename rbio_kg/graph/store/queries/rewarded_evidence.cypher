// rewarded_evidence: Cited relationships by the total reward of the completions they were cited for, highest first.
// $run = null: one run by name; null for all
// $verifier = null: evidence that one verifier cites; null for all
// $top = 20: maximum number of rows
MATCH (run:Run)-[p:PRODUCED]->(v:Verdict)-[s:CITES {side: 'start'}]->(a), (v)-[e:CITES {side: 'end'}]->(b)
WHERE e.rank = s.rank AND p.reward IS NOT NULL AND ($run IS NULL OR run.name = $run)
  AND ($verifier IS NULL OR v.verifier = $verifier)
WITH coalesce(a.symbol, a.id, a.name) AS start, s.type AS type, coalesce(b.symbol, b.id, b.name) AS end,
     b.name AS name, v, p.completions AS completions, p.reward AS reward, count(*) AS times
RETURN start, type, end, name, sum(completions) AS completions, round(sum(completions * reward), 4) AS total_reward,
       round(sum(completions * reward) / sum(completions), 4) AS mean_reward
ORDER BY total_reward DESC, start, type, end
LIMIT $top
