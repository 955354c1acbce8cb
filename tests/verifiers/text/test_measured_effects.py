"""Statements about knockdowns against measured changes: direction, cell lines, and what decides nothing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from rbio_kg.verifiers.text.measured_effects import Knockdowns
from rbio_kg.verifiers.text.statements import StatementChecker
from tests.support.named_graph import named_snapshot

CHANGES = [
    ("TP53", "CDKN1A", "k562", "decrease"),
    ("TP53", "MYC", "k562", "increase"),
    ("TP53", "MYC", "rpe1", "decrease"),
    ("SP1", "TP53", "k562", "unknown"),
]


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> StatementChecker:
    table = pl.DataFrame(CHANGES, schema=["start", "end", "cell_line", "direction"], orient="row")
    table = table.with_columns(
        source=pl.when(pl.col("cell_line") == "k562").then(pl.lit("drawn")).otherwise(pl.lit("A"))
    )
    folder: Path = tmp_path_factory.mktemp("named") / "snapshot"
    return StatementChecker(named_snapshot(folder), Knockdowns(table, ["drawn"]))


@pytest.mark.parametrize(
    ("text", "verdict", "lines"),
    [
        ("Knockdown of TP53 decreases CDKN1A.", "supported", ["k562"]),
        ("Knockdown of TP53 increases CDKN1A.", "contradicted", ["k562"]),
        ("Knockdown of TP53 does not increase CDKN1A.", "supported", ["k562"]),
        ("Knockdown of TP53 does not change CDKN1A.", "contradicted", ["k562"]),
        ("Knockdown of TP53 changes MYC.", "supported", ["k562", "rpe1"]),
        ("Knockdown of TP53 increases MYC.", "supported", ["k562"]),
        ("Knockdown of TP53 decreases MYC.", "supported", ["rpe1"]),
        ("Knockdown of SP1 increases TP53.", "unknown", []),
        ("Knockdown of SP1 changes TP53.", "supported", ["k562"]),
        ("Knockdown of MYC changes TP53.", "unknown", []),
        ("Knockdown of MYC does not change TP53.", "unknown", []),
    ],
)
def test_verdicts(checker: StatementChecker, text: str, verdict: str, lines: list[str]) -> None:
    (statement,) = checker.check(text)
    assert statement.verdict == verdict
    assert [element.detail["cell_line"] for element in statement.evidence] == lines
    assert [element.detail["source"] for element in statement.evidence] == [
        "drawn" if line == "k562" else "A" for line in lines
    ]
    assert statement.simulated is ("k562" in lines)


def test_a_reward_sees_no_labels(checker: StatementChecker) -> None:
    blind = StatementChecker(checker.snapshot)
    assert blind.check("Knockdown of TP53 decreases CDKN1A.")[0].verdict == "unknown"
