"""Two processes train as one: the same number of steps and completions, and every file is written once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.rollout_file import read_rollouts
from rbio_kg.training.runs.run_folder import read_run
from tests.support.locations import ROOT
from tests.support.small_run import small_model
from tests.support.trainings import Training, same_weights, stage_weights

LAUNCH = (
    sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1",
    "--main_process_port", "0",
)  # fmt: skip


def test_alone_there_is_nothing_to_wait_for() -> None:
    processes = Processes()
    assert (processes.size, processes.first) == (1, True)
    processes.wait()
    assert processes.broadcast("a") == "a"
    assert processes.gather([1, 2]) == [1, 2]


@pytest.mark.slow
def test_two_processes_train_and_log_like_one(tmp_path: Path) -> None:
    model = small_model(tmp_path / "tiny")
    changes = {"evaluation.vote_rows": 0, "evaluation.rows": 8, "alarms.held_out_every": 2}
    alone, two = (Training(tmp_path / name, model, changes) for name in ("alone", "two"))
    one = alone.finish()
    two.root.mkdir()
    work = f"from tests.support.trainings import train\ntrain({str(two.root)!r}, {str(model)!r}, {changes!r})\n"
    (two.root / "work.py").write_text(work, encoding="utf-8")
    done = subprocess.run(
        [*LAUNCH, str(two.root / "work.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    both = two.document()
    assert set(both) == set(one)
    assert both["steps"] == one["steps"] == 4
    assert both["questions"] == one["questions"]
    # The warm-up is the first process's alone, so up to there nothing differs.
    assert same_weights(stage_weights(two.folder, "warmup"), stage_weights(alone.folder, "warmup"))
    assert both["after_warmup"]["likelihood"] == one["after_warmup"]["likelihood"]
    assert set(stage_weights(two.folder, "grpo")) == set(stage_weights(alone.folder, "grpo"))
    logs = [
        [json.loads(line) for line in (training.folder / "log.jsonl").read_text().splitlines()]
        for training in (alone, two)
    ]
    assert [(line["phase"], line["step"]) for line in logs[1]] == [(line["phase"], line["step"]) for line in logs[0]]
    assert [set(line) for line in logs[1]] == [set(line) for line in logs[0]]
    rollouts = [read_rollouts(training.folder / "rollouts") for training in (alone, two)]
    questions = [frame.select("step", "claim_id", "prompt").rows() for frame in rollouts]
    assert questions[0] == questions[1]
    rewards = [line["reward"] for line in logs[1] if line["phase"] == "grpo"]
    means = rollouts[1].group_by("step").agg(pl.col("reward").mean()).sort("step")["reward"].to_list()
    assert rewards == pytest.approx(means, abs=1e-5)
    assert read_run(two.folder).status == "finished"
