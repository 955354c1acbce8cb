"""Policies from end to end on a tiny model: stages, files, going on after an interruption, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import EvaluationError, RbioKGError, TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import EvaluationInputs
from rbio_kg.training.evaluation.policy import PolicyOptions, evaluate_policy
from rbio_kg.training.evaluation.results import PolicyEvaluation
from rbio_kg.training.runs.rollout_file import ROLLOUT_SCHEMA, read_rollouts
from rbio_kg.training.runs.run_folder import read_run
from tests.support.small_run import run_small, small_model, small_recipe, small_reward
from tests.support.toy_knockdowns import ToyFacts, question_frame, toy_questions

pytestmark = pytest.mark.precision


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def finished(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("workspace")
    return root, run_small(root, small_recipe(model))


def adapter(root: Path, stage: str, name: str = "small") -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(root / "runs" / name / "model" / stage / "adapter_model.safetensors"))


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    import torch

    return set(first) == set(second) and all(torch.equal(first[key], second[key]) for key in first)


def test_the_document_has_the_promised_keys(finished: tuple[Path, dict[str, Any]]) -> None:
    _, document = finished
    assert {"run", "steps", "resumed_from", "reward", "parts", "before", "after_warmup", "after"} <= set(document)
    assert document["steps"] == 4
    assert set(document["reward"]) == {"first", "last"}
    assert set(document["parts"]) == {"table", "answer", "format"}
    for stage in ("before", "after_warmup", "after"):
        evaluated = document[stage]
        keys = {"per_gene_auroc", "interval", "genes", "rows", "pooled", "ece", "baselines", "unparsed_rate"}
        assert keys | {"likelihood", "votes", "well_formed", "mean_reward", "simulated"} <= set(evaluated)
        assert set(evaluated["pooled"]) == {"f1", "balanced_accuracy", "mcc", "tpr", "tnr", "auroc"}
        assert {"all_no", "all_yes", "gene_prior", "pair_copy"} <= set(evaluated["baselines"])
        assert evaluated["well_formed"] == 1 - evaluated["unparsed_rate"]
    assert document["simulated"] is True
    json.dumps(document, allow_nan=False)


def test_the_run_folder_is_complete(finished: tuple[Path, dict[str, Any]]) -> None:
    root, document = finished
    folder = root / "runs" / "small"
    manifest = read_run(folder)
    assert (manifest.status, manifest.simulated, manifest.build_id) == ("finished", True, "toy")
    assert manifest.result["after"] == document["after"]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [(line["phase"], line["step"]) for line in lines] == [
        *(("warmup", step) for step in range(1, 7)),
        ("held_out", 0),
        *(("grpo", step) for step in range(1, 5)),
    ]
    assert "rewards/format/mean" in lines[-1]
    assert not list(folder.rglob("*.tmp"))


def test_every_completion_is_kept_with_its_verdicts(finished: tuple[Path, dict[str, Any]]) -> None:
    rollouts = read_rollouts(finished[0] / "runs" / "small" / "rollouts")
    assert dict(rollouts.schema) == {**ROLLOUT_SCHEMA, "where": pl.String()}
    assert rollouts.group_by("step").len().sort("step").rows() == [(step, 4) for step in range(1, 5)]
    for row in rollouts.iter_rows(named=True):
        claim = Claim(row["subject"], row["relation"], row["object"], row["cell_line"])
        assert row["claim_id"] == claim.id
        verdicts = json.loads(row["verdicts"])
        assert [verdict["verifier"] for verdict in verdicts] == ["table"]
        assert set(json.loads(row["parts"])) == {"table", "answer", "format"}
    assert rollouts["answer"].drop_nulls().len() > 8
    assert rollouts["statements"].null_count() == len(rollouts)  # This world has no graph to check them with.
    reasons = [json.loads(text)[0]["reason"] for text in rollouts.filter(pl.col("step") == 1)["verdicts"]]
    assert reasons == ["looked up", "", "", ""]


def test_both_stages_moved_their_adapters(finished: tuple[Path, dict[str, Any]]) -> None:
    for stage in ("warmup", "grpo"):
        weights = adapter(finished[0], stage)
        assert any(value.abs().max() > 0 for name, value in weights.items() if "lora_B" in name)


def test_a_finished_run_is_reused(finished: tuple[Path, dict[str, Any]], model: Path) -> None:
    root, document = finished
    again = run_small(root, small_recipe(model), resume=True)
    assert again["reused"] is True
    assert again["after"] == json.loads(json.dumps(document["after"]))


@pytest.mark.parametrize("moment", ["SFT step 3", "GRPO step 3"])
def test_an_interrupted_run_goes_on_to_the_same_policy(
    finished: tuple[Path, dict[str, Any]], model: Path, tmp_path: Path, moment: str
) -> None:
    def interrupt(message: str, share: float | None) -> None:
        if message.startswith(moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, small_recipe(model), progress=interrupt)
    assert read_run(tmp_path / "runs" / "small").status == "interrupted"
    document = run_small(tmp_path, small_recipe(model), resume=True)
    assert document["resumed_from"] == (
        {"stage": "warmup", "step": 3} if "SFT" in moment else {"stage": "grpo", "step": 2}
    )
    root, uninterrupted = finished
    for stage in ("warmup", "grpo"):
        assert same(adapter(root, stage), adapter(tmp_path, stage))
    assert document["after"]["likelihood"] == uninterrupted["after"]["likelihood"]
    columns = ["step", "completion", "reward"]
    assert (
        read_rollouts(root / "runs/small/rollouts").select(columns)
        .equals(read_rollouts(tmp_path / "runs/small/rollouts").select(columns))
    )  # fmt: skip
    steps = [json.loads(line) for line in (tmp_path / "runs/small/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if line["phase"] == "grpo"] == [1, 2, 3, 4]


def test_all_weights_can_be_trained(model: Path, tmp_path: Path) -> None:
    changes = {"model.method": "full", "warmup.learning_rate": 1e-3, "grpo.learning_rate": 1e-4, "grpo.steps": 1}
    document = run_small(tmp_path, small_recipe(model, **changes))
    assert document["steps"] == 1
    assert (tmp_path / "runs" / "small" / "model" / "grpo" / "model.safetensors").is_file()


def test_a_closed_book_needs_no_facts(model: Path, tmp_path: Path) -> None:
    recipe = small_recipe(model, **{"questions.prompt": "closed", "grpo.steps": 0, "evaluation.vote_rows": 0})
    document = run_small(tmp_path, recipe, facts=None)
    assert document["after"]["votes"] is None
    assert document["after"]["mean_reward"] is None


def test_a_dry_run_trains_and_writes_nothing(model: Path, tmp_path: Path) -> None:
    document = run_small(tmp_path, small_recipe(model), dry_run=True)
    assert document["questions"]["warmup"] == 48
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"grpo.prompts": 40, "grpo.questions": 16}, {}, "16 questions are fewer than the 40 of one GRPO step"),
        ({}, {"facts": None}, "open-book prompts need a fitted expression verifier"),
        ({"questions.cell_line": "hela"}, {}, "no questions with cell line 'hela'"),
        ({"model.name": "/nowhere/at/all"}, {}, "there is no such model"),
        ({"warmup.batch_size": 1000}, {}, "fewer than one SFT batch"),
    ],
)
def test_what_cannot_work_is_refused_before_the_start(
    model: Path, tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RbioKGError, match=message):
        run_small(tmp_path, small_recipe(model, **changes), **options)
    assert not (tmp_path / "runs").exists()


def test_a_corrupt_checkpoint_is_one_clear_error(model: Path, tmp_path: Path) -> None:
    def interrupt(message: str, share: float | None) -> None:
        if message.startswith("GRPO step 3"):
            raise KeyboardInterrupt

    recipe = small_recipe(model, **{"evaluation.vote_rows": 0})
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, recipe, progress=interrupt)
    checkpoint = tmp_path / "runs" / "small" / "checkpoints" / "grpo" / "checkpoint-2"
    (checkpoint / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(TrainingError, match="checkpoint cannot be loaded") as caught:
        run_small(tmp_path, recipe, resume=True)
    assert caught.value.where == str(checkpoint)


def evaluate(root: Path, questions: QuestionSet, **options: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    frame = question_frame()
    inputs = EvaluationInputs(frame.filter(pl.col("split") == "train"), reward=small_reward(), facts=ToyFacts())
    result, scored = evaluate_policy(WorkspacePaths(root), "small", questions, inputs, PolicyOptions(**options))
    assert PolicyEvaluation.from_json(result.to_json()) == result
    return result.to_json(), scored


def test_a_run_can_be_evaluated_on_other_questions(finished: tuple[Path, dict[str, Any]]) -> None:
    test = toy_questions().select(split="test")
    document, scored = evaluate(finished[0], test, samples=0)
    assert document["votes"] is None
    assert scored.select("pert", "gene").equals(test.frame.select("pert", "gene"))
    assert scored["score"].is_between(0, 1).all()
    limited, some = evaluate(finished[0], test, limit=12, samples=2, vote_rows=6)
    assert limited["rows"] == len(some) < len(test)
    assert limited["votes"]["samples"] == 2
    assert some["votes"].drop_nulls().len() >= 6


def test_no_questions_and_no_model_are_said(finished: tuple[Path, dict[str, Any]], model: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no questions"):
        evaluate(finished[0], QuestionSet(question_frame().clear()))
    with pytest.raises(TrainingError, match="no run called 'small'"):
        evaluate(tmp_path, toy_questions())
