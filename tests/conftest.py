"""What all tests share: a quiet, single-threaded, offline machine, and markers by what a test needs."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"
# Many short-lived servers: a Java that compiles little starts in a third of the processor time.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# One precision on every processor; the full suite runs the tests marked `precision` with bfloat16 as well.
os.environ.setdefault("RBIO_KG_PRECISION", "float32")

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling

from tests.support.locations import ROOT, SHARED
from tests.support.profiles import load_profile

pytest_plugins = ["tests.support.workspaces"]
load_profile()

DURATIONS = ROOT / "tests" / "durations.json"
"""Measured seconds of each test that took a second or more; `pytest --write-durations` measures again."""
SLOW = 1.0
"""A test that was measured to take so many seconds is marked `slow`."""
WORKSPACE = re.compile(r"\b(built|fitted|trained): (Built|Fitted|Trained|tuple)\b")
"""The fixtures of the workspace that tests share, as parameters: all files with one run in one worker."""
NEEDS = {"shared": "real", "neo4j_login": "neo4j"}
"""Fixture to the marker of the tests that use it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--write-durations`."""
    parser.addoption("--write-durations", action="store_true", help=f"write {DURATIONS.name} from this run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by what they need and how long they take; the groups that take longest come first."""
    measured: dict[str, float] = json.loads(DURATIONS.read_text()) if DURATIONS.is_file() else {}
    of_group: dict[str, float] = defaultdict(float)
    for item in items:
        for fixture, marker in NEEDS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        if item.path.is_relative_to(ROOT / "tests" / "benchmarks"):
            item.add_marker("bench")
        seconds = measured.get(item.nodeid, 0.05)
        if seconds >= SLOW and item.get_closest_marker("always") is None:
            item.add_marker("slow")
        of_group[group_of(str(item.path))] += seconds
    # Two workers that take whole groups finish together when the long groups start first.
    items.sort(key=lambda item: (-of_group[group_of(str(item.path))], group_of(str(item.path)), str(item.path)))


@cache
def group_of(path: str) -> str:
    """The tests that run in one worker: those of a file, or all that share a workspace."""
    return "workspace" if WORKSPACE.search((ROOT / path).read_text(encoding="utf-8")) else path


class GroupScheduling(LoadFileScheduling):
    """Gives whole groups to the workers."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(str(ROOT / nodeid.split("::", 1)[0]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """How tests come to the workers of `pytest -n`."""
    return GroupScheduling(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sources and the real Neo4j next to the checkout; its tests skip without it."""
    if not (SHARED / "sources").is_dir():
        pytest.skip(f"the real sources are not at {SHARED} (set RBIO_KG_SHARED)")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _plain_process() -> None:
    """SIGHUP has its usual effect, also under nohup; output has the width of a pipe, also under xdist."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ.pop("COLUMNS", None)


_skipped: list[str] = []
_seconds: dict[str, float] = defaultdict(float)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[Any]:
    """Note how long the fixtures of one test take; those of a module or session belong to no test."""
    started = time.monotonic()
    made = yield
    if fixturedef.scope == "function":
        request.node.user_properties.append(("fixture", time.monotonic() - started))
    return made


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was skipped, for runs in which nothing may be, and how long each test and its fixtures took."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)
    if report.when == "call":
        _seconds[report.nodeid] += report.duration
        _seconds[report.nodeid] += sum(seconds for name, seconds in report.user_properties if name == "fixture")


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
