"""The Python door, as the README shows it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rbio_kg
from rbio_kg.core.errors import BuildError, VerifierError
from rbio_kg.registry import BUILT_IN
from rbio_kg.services.evaluate import RunEvaluation
from rbio_kg.services.train import RecipeChanges
from rbio_kg.training.evaluation.policy import PolicyOptions
from rbio_kg.training.pipeline.train import TrainingOptions
from tests.support.trainer_settings import quick_settings


def test_verifiers_store_and_snapshot(fitted: tuple[Path, dict[str, Any]]) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        claim = rbio_kg.Claim("TP53", "interacts_with", "MDM2")
        verdict = workspace.verifier("graph_path").explain(claim)
        assert verdict.score is not None
        assert verdict.status == "ok"
        assert verdict.evidence
        scores = workspace.verifier("link_predictor").score([claim])
        assert scores.shape == (1,)
        assert 0 <= scores[0] <= 1
        rows = workspace.store.query("MATCH (g:Gene {symbol: $symbol}) RETURN g.name AS name", symbol="TP53")
        assert rows == [{"name": workspace.snapshot.gene_names[workspace.snapshot.genes.index("TP53")]}]
        for name in BUILT_IN:
            copy = pickle.loads(pickle.dumps(workspace.verifier(name)))
            np.testing.assert_array_equal(copy.score([claim]), workspace.verifier(name).score([claim]))


def test_trl_takes_the_reward_as_it_is(trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    from trl import GRPOTrainer

    from rbio_kg.training.models.loading import quiet

    workspace = rbio_kg.Workspace(trained[0])
    reward = workspace.reward({"graph_path": 0.2, "link_predictor": 0.2, "expression": 0.6}, scoring="brier")
    with quiet():
        arguments = quick_settings(
            reward,
            tmp_path,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=8,
            max_steps=1,
        )
        trainer = GRPOTrainer(
            model=str(trained[1].parent / "model"),
            reward_funcs=reward.functions,
            args=arguments,
            train_dataset=workspace.questions("train", cell_line="k562", task="de", limit=8).to_dataset(),
        )
        trainer.train()
    logged = trainer.state.log_history[0]
    for function in reward.functions:
        assert f"rewards/{function.__name__}/mean" in logged


def test_an_open_book_for_ones_own_questions(fitted: tuple[Path, dict[str, Any]]) -> None:
    workspace = rbio_kg.Workspace(fitted[0])
    questions = workspace.questions("train", cell_line="k562", task="de", limit=20, balanced=True)
    dataset = questions.with_facts(workspace.open_book(questions.claims())).to_dataset()
    assert set(dataset.column_names) == {"prompt", "subject", "relation", "object", "cell_line", "gene_prior"}
    assert len(dataset) == 20


def test_unknown_verifiers_and_missing_graphs_say_what_to_do(
    built: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(VerifierError, match="known: graph_path"):
        rbio_kg.Workspace(built[0]).verifier("oracle")
    with pytest.raises(BuildError, match="rbio-kg build"):
        _ = rbio_kg.Workspace(tmp_path).snapshot


def test_policies_from_python(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    with rbio_kg.Workspace(trained[0]) as workspace:
        again = workspace.train_policy(trained[1], name="tiny", options=TrainingOptions(resume=True))
        assert again is not None
        assert again.reused
        assert again.after == trained[2]["after"]
        checked = workspace.train_policy(
            trained[1], name="another", changes=RecipeChanges(steps=2), options=TrainingOptions(dry_run=True)
        )
        assert checked is not None
        assert (checked.dry_run, checked.run) == (True, "another")
        found = workspace.evaluate_policy("tiny", options=PolicyOptions(limit=40, samples=0))
        assert found.result.votes is None
        assert RunEvaluation.from_json(found.to_json()) == found
        assert "per-gene AUROC" in str(found) or "no gene has both labels" in str(found)
        assert workspace.report("tiny").read_text(encoding="utf-8").startswith("<!doctype html>")
