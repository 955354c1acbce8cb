from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from rbio_kg.report.examples import WANTED, choose, spread
from rbio_kg.report.run_data import read_run, rollout
from tests.support.runs import make_run


def test_ten_examples_of_every_kind(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run"))
    chosen = choose(run)
    assert len(chosen) == WANTED
    assert Counter(example.kind for example in chosen) == {"best": 3, "worst": 3, "disputed": 2, "unparsed": 2}
    answered = run.rollouts.filter(pl.col("answer").is_not_null())
    assert chosen[0].rollout.reward == answered["reward"].max()
    assert (
        chosen[3].rollout.reward
        == answered.filter(pl.col("subject") == chosen[3].rollout.claim.subject)["reward"].min()
    )
    assert all(example.rollout.answer is None for example in chosen if example.kind == "unparsed")
    texts = {(example.rollout.claim, example.rollout.completion) for example in chosen}
    assert len(texts) == WANTED


def test_the_most_disputed_that_is_left_is_taken(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run", rollouts=48))
    chosen = choose(run)
    taken = {(e.rollout.claim, e.rollout.completion) for e in chosen if e.kind in ("best", "worst")}
    rest = [rollout(row) for row in run.rollouts.filter(pl.col("answer").is_not_null()).iter_rows(named=True)]
    spreads = [spread(one.verdicts) for one in rest if (one.claim, one.completion) not in taken]
    disputed = [spread(example.rollout.verdicts) for example in chosen if example.kind == "disputed"]
    assert len(disputed) == 2
    assert disputed[0] <= max(spreads)
    assert disputed[0] >= disputed[1] or len({example.rollout.claim for example in chosen}) < WANTED


def test_what_is_missing_is_filled_with_typical_ones(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run / "rollouts").iterdir():
        pl.read_parquet(path).filter(pl.col("answer").is_not_null()).with_columns(verdicts=pl.lit("[]")).write_parquet(
            path
        )
    kinds = Counter(example.kind for example in choose(read_run(run)))
    assert kinds == {"best": 3, "worst": 3, "typical": 4}


def test_completions_with_evidence_come_first(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run / "rollouts").iterdir():
        frame = pl.read_parquet(path).with_row_index("row")
        bare = pl.lit('[{"verifier": "expression", "score": 0.5, "status": "ok", "reason": "", "evidence": []}]')
        verdicts = pl.when(pl.col("row") % 2 == 0).then(bare).otherwise("verdicts")
        frame.with_columns(verdicts=verdicts).drop("row").write_parquet(path)
    chosen = choose(read_run(run))
    assert len(chosen) == WANTED
    assert all(any(verdict.evidence for verdict in example.rollout.verdicts) for example in chosen)


def test_few_rollouts_give_few_examples_and_none_gives_none(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rollouts=4)
    assert len(choose(read_run(run))) == 4
    for path in (run / "rollouts").iterdir():
        path.unlink()
    assert choose(read_run(run)) == []


def test_completions_that_repeat_are_shown_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run / "rollouts").iterdir():
        pl.read_parquet(path).with_columns(
            completion=pl.lit("same"), subject=pl.lit("A"), object=pl.lit("B")
        ).write_parquet(path)
    assert len(choose(read_run(run))) == 1
