"""The HTML report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rbio_kg.services.scorecards import all_scorecards

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


def write_run_report(workspace: WorkspaceBase, run: str, out: Path | None = None) -> Path:
    """The report of one run, with the scorecards of the verifiers that are ready."""
    from rbio_kg.report import write_report
    from rbio_kg.training.runs.run_folder import find_run, read_run

    folder = find_run(workspace.paths, run)
    workspace.accept_run(read_run(folder))
    cards = all_scorecards(workspace)
    return write_report(
        folder,
        out or folder / "report.html",
        snapshot_dir=workspace.snapshot_folder,
        scorecards={name: card.to_json() for name, card in cards.items()},
        build=workspace.manifest.to_json(),
        stale=tuple(workspace.stale.values()),
    )
