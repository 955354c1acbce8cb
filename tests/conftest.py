"""What all tests share: where the real data is, and a quiet, single-threaded, offline machine."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# One precision on every processor; the full suite runs the tests marked `precision` with bfloat16 as well.
os.environ.setdefault("RBIO_KG_PRECISION", "float32")

import pytest

from tests.support.locations import SHARED

pytest_plugins = ["tests.support.workspaces"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sources and the real Neo4j beside the checkout; its tests skip without it."""
    if not (SHARED / "sources").is_dir():
        pytest.skip(f"the real sources are not at {SHARED} (set RBIO_KG_SHARED)")
    return SHARED


_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was skipped, for runs in which nothing may be."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With RBIO_KG_NO_SKIPS=1 a skipped test fails the run."""
    if _skipped and exitstatus == 0 and os.environ.get("RBIO_KG_NO_SKIPS") == "1":
        session.exitstatus = 1
        print("\nRBIO_KG_NO_SKIPS=1, but these were skipped:", *_skipped, sep="\n  ")
