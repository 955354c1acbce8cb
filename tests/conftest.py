"""What all tests share: a quiet, single-threaded, offline machine, and markers by what a test needs."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# One precision on every processor; the full suite runs the tests marked `precision` with bfloat16 as well.
os.environ.setdefault("RBIO_KG_PRECISION", "float32")

import pytest

from tests.support.locations import ROOT, SHARED
from tests.support.profiles import load_profile

pytest_plugins = ["tests.support.workspaces"]
load_profile()

DURATIONS = ROOT / "tests" / "durations.json"
"""Measured seconds of each test that took a second or more; `pytest --write-durations` measures again."""
SLOW = 2.5
"""A test that was measured to take so many seconds is marked `slow`."""
NEEDS = {"shared": "real", "neo4j_login": "neo4j"}
"""Fixture to the marker of the tests that use it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--write-durations`."""
    parser.addoption("--write-durations", action="store_true", help=f"write {DURATIONS.name} from this run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by what they need and how long they take; the files that take longest come first."""
    measured: dict[str, float] = json.loads(DURATIONS.read_text()) if DURATIONS.is_file() else {}
    of_file: dict[Path, float] = defaultdict(float)
    for item in items:
        for fixture, marker in NEEDS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        if item.path.is_relative_to(ROOT / "tests" / "benchmarks"):
            item.add_marker("bench")
        seconds = measured.get(item.nodeid, 0.05)
        if seconds >= SLOW and item.get_closest_marker("always") is None:
            item.add_marker("slow")
        of_file[item.path] += seconds
    # Two workers that take whole files finish together when the long files start first.
    items.sort(key=lambda item: (-of_file[item.path], str(item.path)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sources and the real Neo4j next to the checkout; its tests skip without it."""
    if not (SHARED / "sources").is_dir():
        pytest.skip(f"the real sources are not at {SHARED} (set RBIO_KG_SHARED)")
    return SHARED


_skipped: list[str] = []
_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was skipped, for runs in which nothing may be, and how long each call took."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)
    if report.when == "call":
        _seconds[report.nodeid] += report.duration


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With RBIO_KG_NO_SKIPS=1 a skipped test fails the run; with --write-durations the durations are written."""
    if _skipped and exitstatus == 0 and os.environ.get("RBIO_KG_NO_SKIPS") == "1":
        session.exitstatus = 1
        print("\nRBIO_KG_NO_SKIPS=1, but these were skipped:", *_skipped, sep="\n  ")
    if session.config.getoption("--write-durations") and not hasattr(session.config, "workerinput"):
        known: dict[str, float] = json.loads(DURATIONS.read_text()) if DURATIONS.is_file() else {}
        known |= {name: round(seconds, 1) for name, seconds in _seconds.items()}
        kept = {name: known[name] for name in sorted(known) if known[name] >= 1}
        DURATIONS.write_text(json.dumps(kept, indent=0) + "\n")
