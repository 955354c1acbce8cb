from __future__ import annotations

import json
from pathlib import Path

from rbio_kg.report.curves import curves, is_warmup, reward_parts
from rbio_kg.report.plot import LineChart
from rbio_kg.report.run_data import read_run
from tests.support.runs import STEPS, make_run


def _charts(run: Path) -> dict[str, LineChart]:
    return {chart.id.removeprefix("curve-"): chart for chart in curves(read_run(run))}


def test_all_curves_of_a_whole_run_are_drawn(tmp_path: Path) -> None:
    charts = _charts(make_run(tmp_path / "run"))
    assert list(charts) == ["warmup-loss", "reward", "parts", "well-formed", "entropy", "yes", "length",
                            "held-out", "zero-spread"]  # fmt: skip
    assert [id for id, chart in charts.items() if chart.missing] == []
    assert [len(line.dots) for line in charts["warmup-loss"].lines] == [6, 6, 6]
    assert len(charts["reward"].lines[0].dots) == STEPS
    assert [line.name for line in charts["yes"].lines] == ["yes", "verifiers' mean"]
    assert [title for _, _, title in charts["held-out"].lines[0].dots] == [
        "log-likelihood, step 5: \u22120.6583", "log-likelihood, step 10: \u22120.6167",
    ]  # fmt: skip
    assert [line.name for line in charts["parts"].lines] == ["answer", "format", "reasoning trace"]


def test_the_rollouts_speak_where_the_log_is_silent(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", steps=2, rollouts=8)
    (run / "log.jsonl").unlink()
    charts = _charts(run)
    assert charts["warmup-loss"].missing and charts["entropy"].missing and charts["parts"].missing
    # Of the four completions of each step, the fourth is unparsed in step 1 and none in step 2.
    assert charts["well-formed"].summary == "well formed: 0.75 first, 1 last"
    rows = read_run(run).rollouts
    yes = rows.filter(step=1)["answer"].drop_nulls().eq("yes").mean()
    assert charts["yes"].summary.startswith(f"yes: {float(f'{yes:.3g}'):g} first")
    assert charts["length"].note.startswith("Characters")
    mean = rows.filter(step=2)["reward"].mean()
    assert charts["reward"].summary.endswith(f"{float(f'{mean:.3g}'):g} last")


def test_a_step_logged_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    lines = [
        {"phase": "grpo", "step": step, "reward": reward} for step, reward in ((1, 0.1), (2, 0.2), (2, 0.9), (3, 0.3))
    ]
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    reward = _charts(run)["reward"]
    assert [title for _, _, title in reward.lines[0].dots] == [
        "reward, step 1: 0.1", "reward, step 2: 0.9", "reward, step 3: 0.3",
    ]  # fmt: skip


def test_warmup_is_told_from_grpo() -> None:
    assert is_warmup({"phase": "warmup", "step": 1, "loss": 1.0})
    assert not is_warmup({"phase": "grpo", "step": 1, "loss": 1.0, "reward": 0.3})


def test_the_parts_that_the_policy_can_change_come_first() -> None:
    names = ("expression", "graph_path", "composed_reward", "reasoning_trace", "format", "answer")
    parts = reward_parts([{"step": 1, **{f"rewards/{name}/mean": 0.5 for name in names}}])
    assert [series.name for series in parts] == ["answer", "format", "reasoning trace", "expression", "graph path"]


def test_the_log_speaks_where_no_rollouts_are(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run / "rollouts").iterdir():
        path.unlink()
    charts = _charts(run)
    assert charts["well-formed"].summary == "well formed: 0.9 first, 0.9 last"
    assert charts["yes"].summary == "yes: 0.5 first, 0.5 last; verifiers' mean: 0.45 first, 0.45 last"


def test_values_that_are_no_number_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "log.jsonl").write_text(
        '{"step": 1, "reward": NaN}\n{"step": 2, "reward": 1e999}\n{"step": 3, "reward": 0.5}\n'
    )
    assert len(_charts(run)["reward"].lines[0].dots) == 1
