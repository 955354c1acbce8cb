"""The small sample that ships with the package: its folder, content and licences."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rbio_kg.core.errors import SourceError

NOTES = "SOURCES.md"


@dataclass(frozen=True)
class SampleInfo:
    """A description of the sample, shown whenever it is used.

    Args:
        directory: folder of the files, in the layout that `build` expects.
        what: one line.
        licences: source name (as in the register) -> licence of its data.
        simulated: names of the sources whose rows come from a model, not from a measurement.
        notes: the file with origin, licences and all differences from the providers' files.
        size: total bytes.
    """

    directory: Path
    what: str
    licences: dict[str, str]
    simulated: tuple[str, ...]
    notes: Path
    size: int


def sample_directory() -> Path:
    """The sample's folder inside the installed package.

    Raises:
        SourceError: the installation lacks it, or is in an archive.
    """
    directory = Path(str(files("rbio_kg.graph_builders.sample"))) / "data"
    if not (directory / NOTES).is_file():
        raise SourceError("the sample is not in this installation", where=directory, hint="install rbio-kg again")
    return directory


def sample_info() -> SampleInfo:
    """The description of the sample. Raises SourceError as `sample_directory` does."""
    directory = sample_directory()
    return SampleInfo(
        directory=directory,
        what="597 human genes around 14 pathways; real but partial graph data, SIMULATED knockdown labels",
        licences={
            "HGNC": "CC0 1.0",
            "GO": "CC BY 4.0",
            "GOA": "CC BY 4.0",
            "STRING": "CC BY 4.0",
            "WikiPathways": "CC0 1.0",
            "PerturbQA": "Apache-2.0 (labels simulated by rbio-kg, in PerturbQA's format)",
        },
        simulated=("PerturbQA",),
        notes=directory / NOTES,
        size=sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
    )
