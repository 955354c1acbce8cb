"""What every verifier must do: the checks of `rbio_kg.verifiers.testing`.

Inherit, name the class `Test...`, and give the fixtures `verifier` and `claims`; a text verifier also gives `texts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.testing import CHECKS, CheckContext


class VerifierContract:
    """One test per check."""

    @pytest.fixture
    def verifier(self) -> Verifier:
        """The verifier under test, ready to score."""
        raise NotImplementedError

    @pytest.fixture
    def claims(self) -> list[Claim]:
        """At least six claims; at least two different scores among them, and none about an unknown gene."""
        raise NotImplementedError

    @pytest.fixture
    def texts(self, verifier: Verifier, claims: list[Claim]) -> list[str] | None:
        """One text per claim for a text verifier, None for a claim verifier."""
        assert verifier.kind == "claim", "the contract of a text verifier gives texts"
        return None

    @pytest.mark.parametrize("name", CHECKS)
    def test_contract(self, name: str, verifier: Verifier, claims: list[Claim], texts: list[str] | None) -> None:
        assert len(claims) >= 6
        CHECKS[name](CheckContext(verifier, claims, texts))


def assert_directions_sum_to_the_change(verifier: Verifier, pairs: Sequence[tuple[str, str, str | None]]) -> None:
    """Of pairs (subject, object, line): joint = P(change) P(direction | change), and the directions share that out."""
    change, up, down, rise, fall = (
        verifier.score([Claim(a, relation, b, line) for a, b, line in pairs])
        for relation in (
            "changes_expression_of",
            "increases",
            "decreases",
            "increases_if_changed",
            "decreases_if_changed",
        )
    )
    assert not np.isnan(change).any()
    np.testing.assert_allclose(rise + fall, 1.0)
    np.testing.assert_allclose(up, change * rise)
    np.testing.assert_allclose(down, change * fall)
