from __future__ import annotations

import errno
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.cli.query import parse_parameters
from rbio_kg.cli.session import Session, guarded
from rbio_kg.core.errors import ConfigError, StoreError
from rbio_kg.core.json_values import plain

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def contains_odd_number(value: object) -> bool:
    if isinstance(value, dict):
        return any(contains_odd_number(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_odd_number(item) for item in value)
    return isinstance(value, float) and not math.isfinite(value)


@given(values)
def test_plain_values_hold_no_nan(value: object) -> None:
    assert not contains_odd_number(plain(value))


def test_plain_turns_arrays_into_lists() -> None:
    assert plain({"a": np.array([1.0, np.nan]), "b": np.int64(3)}) == {"a": [1.0, None], "b": 3}


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (StoreError("no answer", where="bolt://x", hint="start it"), 1, "error: bolt://x: no answer; start it"),
        (KeyboardInterrupt(), 130, "interrupted:"),
        (OSError(errno.ENOSPC, "No space left on device", "/there"), 1, "free some space"),
        (ZeroDivisionError("oh"), 1, "a fault in rbio-kg"),
    ],
)
def test_every_end_has_its_exit_code_and_one_line(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail() -> None:
        raise error

    assert guarded(Session(tmp_path, False, False), fail) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_traceback_only_with_verbose(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def fail() -> None:
        raise StoreError("no answer")

    guarded(Session(tmp_path, False, True), fail)
    assert "Traceback" in capsys.readouterr().err


def test_progress_shows_each_stage_and_its_end(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for verbose, expected in ((False, 3), (True, 5)):
        session = Session(tmp_path, False, verbose)
        for step in (1, 2, 3):
            session.progress(f"reading file {step} of 3", step / 4)
        session.progress("writing 1 file", 0.5)
        session.progress("writing 2 files", 1.0)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == expected


def test_parameters_are_json_or_text() -> None:
    assert parse_parameters(["n=3", "symbol=TP53", 'list=["a"]', "empty="]) == {
        "n": 3,
        "symbol": "TP53",
        "list": ["a"],
        "empty": "",
    }
    with pytest.raises(ConfigError):
        parse_parameters(["novalue"])
