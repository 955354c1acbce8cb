"""A training that is killed at any moment goes on, and ends with the weights of an uninterrupted one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.training.runs.rollout_file import read_rollouts
from rbio_kg.training.runs.run_folder import read_run
from tests.support.small_run import small_model
from tests.support.trainings import Training, same_weights, stage_weights

QUICK = {"evaluation.vote_rows": 0, "evaluation.rows": 8, "alarms.held_out_every": 2, "grpo.steps": 5}
FULL = {**QUICK, "model.method": "full", "warmup.learning_rate": 1e-3, "grpo.learning_rate": 1e-4}
MOMENTS = [
    ("SFT step 3", 0.0),  # between two steps, or in the checkpoint after one
    ("GRPO step 1 ", 0.01),  # before there is any checkpoint
    ("/checkpoints/grpo/checkpoint-2/*", 0.0),  # in the middle of a checkpoint
    ("/checkpoints/grpo/checkpoint-4/optimizer.pt", 0.0),  # later in one
    ("/model/.grpo.*.tmp", 0.0),  # while the result is saved
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "tiny")


def check_same(killed: Path, uninterrupted: Path) -> None:
    for stage in ("warmup", "grpo"):
        assert same_weights(stage_weights(killed, stage), stage_weights(uninterrupted, stage)), stage
    columns = ["step", "completion", "reward"]
    assert (
        read_rollouts(killed / "rollouts")
        .select(columns)
        .equals(read_rollouts(uninterrupted / "rollouts").select(columns))
    )
    lines = [
        [
            {key: line[key] for key in ("phase", "step", "reward", "loss", "held_out/log_likelihood") if key in line}
            for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines())
        ]
        for folder in (killed, uninterrupted)
    ]
    assert lines[0] == lines[1]
    assert read_run(killed).status == "finished"
    assert not list(killed.rglob("*.tmp"))


@pytest.mark.always
def test_killed_at_chosen_moments(model: Path, tmp_path: Path) -> None:
    killed_and_resumed(QUICK, MOMENTS, model, tmp_path, at_least=3)


@pytest.mark.crash
@pytest.mark.parametrize(("method", "changes"), [("lora", QUICK), ("full", FULL)])
def test_killed_at_chosen_and_random_moments(method: str, changes: dict[str, Any], model: Path, tmp_path: Path) -> None:
    draw = random.Random(method)
    drawn = [("GRPO step ", draw.uniform(0.0, 0.1)), ("GRPO step ", draw.uniform(0.0, 0.3))]
    killed_and_resumed(changes, [*MOMENTS, *drawn], model, tmp_path, at_least=4)


def killed_and_resumed(
    changes: dict[str, Any], moments: list[tuple[str, float]], model: Path, folder: Path, *, at_least: int
) -> None:
    """A training that is killed at these moments and resumed each time ends as one that was left alone."""
    uninterrupted = Training(folder / "uninterrupted", model, changes)
    uninterrupted.finish()
    training = Training(folder / "killed", model, changes)
    kills = 0
    for at, after in moments:
        if (training.folder / "model" / "grpo").is_dir():
            break
        kills += training.killed(at=at, after=after)
    assert kills >= at_least
    document = training.finish()
    assert document["steps"] == changes["grpo.steps"]
    check_same(training.folder, uninterrupted.folder)


def test_a_full_disk_at_a_checkpoint_loses_nothing(model: Path, tmp_path: Path) -> None:
    changes = {**QUICK, "model.method": "full", "warmup.learning_rate": 1e-3, "grpo.learning_rate": 1e-4}
    training = Training(tmp_path, model, {**changes, "warmup.examples": 0})
    # Weights fit, the optimiser's state (twice as much) does not.
    size = (model / "model.safetensors").stat().st_size
    process = training.start(largest_file=size + size // 2)
    process.join()
    assert process.exitcode == 1
    assert "the disk is too full" in training.messages[-1]
    assert "rbio-kg train policy --resume --name small" in training.messages[-1]
    assert read_run(training.folder).status == "failed"
    assert training.finish()["steps"] == 5
    assert read_run(training.folder).status == "finished"
