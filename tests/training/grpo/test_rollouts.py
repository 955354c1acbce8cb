"""Rollouts: what a completion states is stored with its reward."""

from __future__ import annotations

import json
from pathlib import Path

from rbio_kg.training.grpo.rollouts import RolloutRecorder
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.rollout_file import read_rollouts
from rbio_kg.verifiers.text.statements import StatementChecker
from tests.support.named_graph import named_snapshot
from tests.support.table_verifiers import TableVerifier

TRUE = "<think>TP53 is bound by MDM2 and does not interact with SP1.</think><answer>yes 8</answer>"
VAGUE = "<think>SET may regulate CAT.</think><answer>no 7</answer>"


def test_statements_are_checked_and_kept(tmp_path: Path) -> None:
    reward = ComposedReward({"table": (TableVerifier({("TP53", "MYC"): 0.8}), 1.0)})
    checker = StatementChecker(named_snapshot(tmp_path / "snapshot"))
    recorder = RolloutRecorder(reward, tmp_path / "rollouts", "run", 1, checker=checker)
    columns = {"subject": "TP53", "relation": "changes_expression_of", "object": "MYC", "cell_line": "k562"}
    texts = [TRUE, VAGUE, "maybe"]
    rewards = recorder(["?"] * 3, texts, **{name: [value] * 3 for name, value in columns.items()})
    rows = read_rollouts(tmp_path / "rollouts")
    assert rows["reward"].to_list() == rewards
    said = [[tuple(statement.values()) for statement in json.loads(text)] for text in rows["statements"]]
    assert said == [
        [
            ("TP53", "interacts_with", "MDM2", "affirmed", "asserted", "supported"),
            ("TP53", "interacts_with", "SP1", "negated", "asserted", "contradicted"),
        ],
        [("SET", "regulates", "CAT", "affirmed", "hedged", "unknown")],
        [],
    ]
