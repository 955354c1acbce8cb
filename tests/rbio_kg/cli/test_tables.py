"""How values are shown to people."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.cli import tables
from rbio_kg.cli.tables import show_rows, show_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.0, "0.000"),
        (0.5, "0.500"),
        (-0.25, "-0.250"),
        (1234567.0, "1234567.000"),
        (1.5e300, "1.5e+300"),
        (-1.5e300, "-1.5e+300"),
        (1e-9, "1e-09"),
        (0.0005, "0.001"),
        (12345, "12,345"),
        (True, "yes"),
        ([0.1, 0.2], "[0.100, 0.200]"),
        ([1, None], "[1, -]"),
        ([], "[]"),
        (["TP53", "MDM2"], "[TP53, MDM2]"),
        ([None, True], "[-, yes]"),
        ({"a": None, "b": [1]}, '{"a": null, "b": [1]}'),
        ([{"a": 1}], '[{"a": 1}]'),
        ([[1, None]], "[[1, null]]"),
        ("text", "text"),
    ],
)
def test_a_value_is_shown_without_python(value: Any, shown: str) -> None:
    assert show_value(value) == shown


@given(st.floats())
def test_no_number_is_long(value: float) -> None:
    assert len(show_value(value)) <= 15


def test_rows_with_maps(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"x": {"k": None}, "y": [1, None]}])
    out = capsys.readouterr().out
    assert "None" not in out
    assert '{"k": null}' in out


def test_examples() -> None:
    assert doctest.testmod(tables).failed == 0
