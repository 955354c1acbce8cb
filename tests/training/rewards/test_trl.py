"""TRL's own GRPOTrainer takes the reward functions as they are. The model is a tiny random Llama made on the spot."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.errors import RewardError, VerifierError
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.base.verifier import Verifier
from tests.support.table_verifiers import BrokenVerifier, TableVerifier, VowelVerifier
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.trainer_settings import quick_settings

NAMES = ["composed_reward", "table", "vowels", "answer", "format"]


def train(reward: ComposedReward, folder: Path, *, conversational: bool, columns: tuple[str, ...]) -> Any:
    """Two steps of GRPO; the completions are the model's own, so nearly all are unparsed."""
    from datasets import Dataset
    from trl import GRPOTrainer

    row = {"subject": "AAA", "relation": "changes_expression_of", "object": "BBB", "cell_line": "k562"}
    rows = []
    for i in range(8):
        text = f"Question {i}?"
        prompt: Any = [{"role": "user", "content": text}] if conversational else text
        rows.append({"prompt": prompt, **{name: row[name] for name in columns}, "gene_prior": 0.2})
    tokenizer = tiny_tokenizer()
    config = quick_settings(
        reward,
        folder,
        max_steps=2,
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=6,
        learning_rate=1e-2,
        log_completions=True,
    )
    trainer = GRPOTrainer(
        model=tiny_model(tokenizer),
        reward_funcs=reward.functions,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    return trainer


def build(claim_verifier: Verifier) -> ComposedReward:
    return ComposedReward({"table": (claim_verifier, 1.0), "vowels": (VowelVerifier(), 1.0)})


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Any:
    # Deprecations inside the trainer's own libraries are for them to fix.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


ALL = ("subject", "relation", "object", "cell_line")


@pytest.mark.parametrize("conversational", [True, False])
def test_grpo_trainer_takes_the_functions_and_logs_every_part(tmp_path: Path, conversational: bool) -> None:
    reward = build(TableVerifier({("AAA", "BBB"): 0.8}))
    trainer = train(reward, tmp_path, conversational=conversational, columns=ALL)
    assert trainer.reward_func_names == NAMES
    steps = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(steps) == 2
    for entry in steps:
        for name in ("composed_reward", "table", "answer", "format"):
            assert 0.0 <= float(entry[f"rewards/{name}/mean"]) <= 1.0
        assert float(entry["reward"]) == pytest.approx(float(entry["rewards/composed_reward/mean"]))
        assert float(entry["unparsed"]) + float(entry["rewards/format/mean"]) == pytest.approx(1.0)
    tables = sorted(tmp_path.rglob("completions_*.parquet"))
    frame = pl.read_parquet(tables[0])
    assert {*NAMES, "verdict_table", "verdict_vowels", "problem", "stated_answer"} <= set(frame.columns)
    assert frame["verdict_table"].to_list() == [0.8] * 4
    json.dumps(reward.describe())


def test_nothing_is_learnt_from_questions_that_no_verifier_can_score(tmp_path: Path) -> None:
    reward = build(TableVerifier({}))
    trainer = train(reward, tmp_path, conversational=True, columns=ALL)
    steps = [entry for entry in trainer.state.log_history if "unscored" in entry]
    assert [float(entry["unscored"]) for entry in steps] == [4.0, 4.0]
    assert [entry["rewards/composed_reward/mean"] for entry in steps] == [None, None]
    assert all(float(entry["grad_norm"]) == 0.0 for entry in steps)


def test_a_broken_verifier_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(VerifierError, match=r"verifier table failed"):
        train(build(BrokenVerifier(None)), tmp_path, conversational=True, columns=ALL)


def test_a_missing_column_stops_the_training(tmp_path: Path) -> None:
    reward = build(TableVerifier({}))
    with pytest.raises(RewardError, match="no column object, cell_line"):
        train(reward, tmp_path, conversational=False, columns=ALL[:2])
