"""Training results: the JSON form is a contract, and reads back."""

from __future__ import annotations

import json

from rbio_kg.training.pipeline.result import FirstLast, TrainingResult

QUESTIONS = {"warmup": 8, "grpo": 4, "held_out": 2, "evaluation": 20, "simulated": True}


def test_a_result_reads_back() -> None:
    result = TrainingResult(
        run="first",
        questions=QUESTIONS,
        steps=2,
        resumed_from={"stage": "grpo", "step": 1},
        reward=FirstLast(0.4, 0.5),
        parts={"format": FirstLast(1.0, 0.9)},
        alarms=[{"step": 2}],
        before={"per_gene_auroc": 0.5},
        after={"per_gene_auroc": 0.7},
        seconds={"grpo": 1.5},
        simulated=True,
    )
    document = json.loads(json.dumps(result.to_json()))
    assert TrainingResult.from_json(document) == result
    assert set(document) == {
        *("run", "steps", "resumed_from", "reused", "reward", "parts", "alarms", "warmup"),
        *("before", "after_warmup", "after", "seconds", "simulated", "questions"),
    }
    assert document["reward"] == {"first": 0.4, "last": 0.5}
    assert TrainingResult.from_json({**document, "unknown": 1}) == result


def test_a_dry_run_reports_what_would_be_trained() -> None:
    document = TrainingResult(run="first", questions=QUESTIONS, dry_run=True).to_json()
    assert document == {"run": "first", "steps": 0, "resumed_from": None, "dry_run": True, "questions": QUESTIONS}


def test_first_and_last_without_steps() -> None:
    assert FirstLast.of([], "reward") == FirstLast(None, None)
    assert FirstLast.of([{"reward": 0.1}, {"reward": 0.3}], "reward") == FirstLast(0.1, 0.3)
