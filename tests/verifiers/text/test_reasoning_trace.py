"""The reasoning-trace verifier: what counts, what does not, and the battery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import SnapshotError
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier
from tests.contracts.verifier import VerifierContract
from tests.support.named_graph import named_snapshot

CLAIM = Claim("TP53", "changes_expression_of", "MDM2", "k562")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> ReasoningTraceVerifier:
    folder = tmp_path_factory.mktemp("named") / "snapshot"
    named_snapshot(folder)
    return ReasoningTraceVerifier(folder)


class TestReasoningTraceVerifier(VerifierContract):
    @pytest.fixture
    def verifier(self, trace: ReasoningTraceVerifier) -> Verifier:
        return trace

    @pytest.fixture
    def claims(self) -> list[Claim]:
        return [CLAIM] * 5 + [Claim("TP53", "takes_part_in", "GO:0000003")]

    @pytest.fixture
    def texts(self, verifier: Verifier, claims: list[Claim]) -> list[str]:
        return [
            "TP53 interacts with MDM2.",
            "TP53 does not interact with MDM2.",
            "TP53 interacts with MDM2. TP53 activates CDKN1A. TP53 may repress MYC.",
            "I do not know.",
            "MYC takes part in the cell cycle.",
            "TP53 takes part in DNA repair.",
        ]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("TP53 interacts with MDM2.", 0.75),
        ("TP53 does not interact with MDM2.", 0.25),
        ("TP53 interacts with MDM2. TP53 activates CDKN1A.", 0.5 * (1 + 2 / 3)),
        ("TP53 interacts with MDM2. TP53 represses CDKN1A.", 0.5),
        ("TP53 may interact with MDM2.", 0.5 * (1 + 0.5 / 1.5)),
        ("TP53 interacts with MDM2. " * 50, 0.75),
        ("TP53 interacts with MDM2. MDM2 binds TP53. TP53 and MDM2 interact.", 0.75),
        ("TP53 regulates CDKN1A. TP53 activates CDKN1A.", 0.75),
        ("TP53 interacts with MDM2. TP53 interacts with REST.", 0.75),
        ("MYC is repressed by TP53.", 0.75),
    ],
)
def test_score(trace: ReasoningTraceVerifier, text: str, score: float) -> None:
    assert trace.score([CLAIM], [text])[0] == pytest.approx(score)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TP53 MDM2 TP53 MDM2",
        "TP53 interacts with REST.",
        "ABCE1 takes part in ribosome disassembly. ABCE1 binds SP1.",
        "Knockdown of TP53 changes MDM2.",
        "TP53 takes part in biological_process.",
        "Does TP53 interact with MDM2?",
    ],
)
def test_abstains_where_nothing_can_be_checked(trace: ReasoningTraceVerifier, text: str) -> None:
    assert np.isnan(trace.score([CLAIM], [text])[0])


def test_direction_relation_sign_and_negation_each_change_the_score(trace: ReasoningTraceVerifier) -> None:
    claim = Claim("TP53", "changes_expression_of", "MYC")
    right = trace.score([claim], ["TP53 represses MYC."])[0]
    for text in ("TP53 activates MYC.", "TP53 does not repress MYC."):
        assert trace.score([claim], [text])[0] < 0.5 < right
    for text in ("MYC represses TP53.", "TP53 interacts with MYC."):
        assert np.isnan(trace.score([claim], [text])[0])


def test_only_the_first_statements_count(trace: ReasoningTraceVerifier) -> None:
    pieces = [
        "TP53 binds MDM2.",
        "TP53 binds SP1.",
        "TP53 binds HLA-A.",
        "TP53 activates CDKN1A.",
        "TP53 represses MYC.",
    ]
    pieces += [
        "TP53 activates MDM2.",
        "SP1 regulates MDM2.",
        "TP53 takes part in cell cycle.",
        "TP53 takes part in DNA repair.",
    ]
    counted = trace.counted(CLAIM, " ".join(pieces))
    assert len(counted) == 8
    verdict = trace.explain(CLAIM, " ".join(pieces))
    assert [element.path for element in verdict.evidence] == list(range(8))
    assert verdict.reason == "8 statements supported, 0 contradicted"


def test_guesses_of_many_partners_find_none(trace: ReasoningTraceVerifier) -> None:
    guesses = ", ".join(f"FIL{i}" for i in range(30))
    assert np.isnan(trace.score([CLAIM], [f"TP53 interacts with {guesses}, MDM2 and SP1."])[0])


@pytest.mark.timeout(20)
def test_very_long_texts_take_bounded_time(trace: ReasoningTraceVerifier) -> None:
    for piece in ("TP53 ", "TP53 binds ", "no ", "and , ", "a", "TP53 takes part in ", "it "):
        trace.score([CLAIM], [piece * (100_000 // len(piece))])


def test_a_missing_snapshot_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError):
        ReasoningTraceVerifier(tmp_path / "none").score([CLAIM], ["TP53 binds MDM2."])
