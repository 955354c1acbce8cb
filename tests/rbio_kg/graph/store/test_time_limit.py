"""Which statements the embedded server's keeper ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rbio_kg.graph.store.time_limit import late, limited, without_limit

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "age", "ended"),
    [
        (limited("RETURN 1", 0.5), 0.4, False),
        (limited("RETURN 1", 0.5), 0.6, True),
        (limited("RETURN 1", 1e9), 3600.0, False),
        ("RETURN 1", 3600.0, False),
        # A limit that stands elsewhere in the statement is someone's comment, and not the one that counts.
        (limited(limited("RETURN 1", 1), 60), 30.0, False),
        (limited("RETURN 1", 1) + "\nRETURN 2", 30.0, False),
    ],
)
def test_a_statement_past_the_limit_it_carries(text: str, age: float, ended: bool) -> None:
    started = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    row = {"transactionId": "q1", "currentQuery": text, "startTime": started}
    assert list(late([row], NOW)) == (["q1"] if ended else [])


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("near 'RETURN\n// rbio-kg: at most 60 s'", "near 'RETURN'"),
        ("near 'x // rbio-kg: at most 0.5 s'", "near 'x'"),
        (
            "Syntax error at line 2:24 - mismatched input '<EOF>'",
            "Syntax error at the end of the statement - mismatched input '<EOF>'",
        ),
        ("extraneous at line 1:7 - extraneous input 'x'", "extraneous at line 1:7 - extraneous input 'x'"),
        (limited("RETURN 1", 3), "RETURN 1"),
    ],
)
def test_a_message_does_not_show_the_added_line(message: str, shown: str) -> None:
    assert without_limit(message) == shown
