"""The HTML report of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.services.scorecards import all_scorecards

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


@dataclass(frozen=True)
class RunReport:
    """A report that was written.

    Args:
        path: of the HTML file.
        unfinished: whether the run was unfinished; the page says so.
    """

    path: Path
    unfinished: bool

    def to_json(self) -> dict[str, Any]:
        """The document of the command `report`."""
        return {"report": str(self.path), "unfinished": self.unfinished}


def write_run_report(
    workspace: WorkspaceBase, run: str, out: Path | None = None, *, unfinished: bool = False
) -> RunReport:
    """Write the report of one run, with the scorecards of the verifiers that are ready.

    Raises:
        TrainingError: there is no such run, or it is unfinished and `unfinished` is not given.
        ReportError: the run's folder is corrupt, or the file cannot be written.
    """
    from rbio_kg.report import write_report
    from rbio_kg.training.runs.run_folder import Run, check_finished, find_run, read_run

    folder = find_run(workspace.paths, run)
    incomplete = check_finished(Run(folder), unfinished=unfinished)
    workspace.accept_run(read_run(folder))
    cards = all_scorecards(workspace)
    path = write_report(
        folder,
        out or folder / "report.html",
        snapshot_dir=workspace.snapshot_folder,
        scorecards={name: card.to_json() for name, card in cards.items()},
        build=workspace.manifest.to_json(),
        stale=tuple(workspace.stale.values()),
    )
    return RunReport(path, incomplete)
