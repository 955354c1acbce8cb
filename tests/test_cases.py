"""The cases of the shared folder: every one gives the right output, apart from those listed as not yet right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cases.__main__ import CASES, run_case
from tests.support.cases.bench import Bench

NOT_YET: frozenset[str] = frozenset()
"""Cases that do not hold yet; the test of one that holds fails until it is taken off the list."""
WITHOUT_FOLDER = {"28"}
"""Cases whose input is the documentation."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(shared / "cases", tmp_path_factory.mktemp("cases")) as opened:
        yield opened


def test_every_folder_is_a_case(shared: Path) -> None:
    folders = {path.name.split("-")[0] for path in (shared / "cases").iterdir() if path.is_dir()}
    assert folders == set(CASES) - WITHOUT_FOLDER


@pytest.mark.parametrize("number", CASES)
def test_a_case_gives_the_right_output(bench: Bench, number: str) -> None:
    wrong = [check for check in run_case(bench, number) if not check.holds]
    if number in NOT_YET:
        assert wrong, f"case {number} holds: take it off the list"
    else:
        assert not wrong, "\n".join(f"{check.what}: {check.now}; right: {check.right}" for check in wrong)
