"""The questions of a screen as files, with a manifest next to them."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.digest import file_digest
from rbio_kg.core.errors import ConfigError
from rbio_kg.core.json_values import plain
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.data.screens.labels import LabelledRows, LabelRules

FORMAT = 1
"""Version of the manifest's format."""


@dataclass(frozen=True)
class ScreenOutput:
    """Where the questions of a screen go, and how names are handled.

    Args:
        out: questions whether expression changes; None writes none.
        out_dir: questions of the direction of a change; None writes none.
        cell_line: of the screen.
        names: what is done about names that are not recognised.
    """

    out: Path | None = None
    out_dir: Path | None = None
    cell_line: str | None = None
    names: NameRules = DEFAULT_RULES


@dataclass(frozen=True)
class ScreenQuestions:
    """What was made from a screen.

    Args:
        de, dir: the questions; not in JSON.
        rows, perturbations, genes: their numbers (`de`).
        base_rate: share of label 1.
        ambiguous: rows between the thresholds.
        set_aside: reason -> number of rows; see `rbio_kg.training.data.screens.labels.label_rows`.
        unrecognised: kind of name that was not recognised -> number of rows.
        out, out_dir: the files.
        manifests: the manifests.
        cell_line: its canonical name.
        columns: role -> column of the table.
        remarks: what people should know, a line each.
        cells: number of cells that were compared; None for a table.
        set_aside_cells: reason -> number of cells that were left out.
    """

    de: pl.DataFrame = field(compare=False, repr=False)
    dir: pl.DataFrame = field(compare=False, repr=False)
    rows: int
    perturbations: int
    genes: int
    base_rate: float
    ambiguous: int
    set_aside: Mapping[str, int]
    unrecognised: Mapping[str, int]
    out: str | None = None
    out_dir: str | None = None
    manifests: tuple[str, ...] = ()
    cell_line: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    cells: int | None = None
    set_aside_cells: Mapping[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `questions from-de` and `questions from-h5ad`."""
        document = {
            "rows": self.rows,
            "perturbations": self.perturbations,
            "genes": self.genes,
            "base_rate": self.base_rate,
            "splits": dict(sorted(self.de.group_by("split").len().iter_rows())),
            "ambiguous": self.ambiguous,
            "set_aside": dict(self.set_aside),
            "unrecognised": dict(self.unrecognised),
            "out": self.out,
            "out_dir": self.out_dir,
            "manifests": list(self.manifests),
            "cell_line": self.cell_line,
            "columns": dict(self.columns),
            "remarks": list(self.remarks),
        }
        if self.cells is not None:
            document |= {"cells": self.cells, "set_aside_cells": dict(self.set_aside_cells or {})}
        return document

    def __str__(self) -> str:
        return (
            f"{self.rows:,} questions about {self.perturbations:,} perturbations and {self.genes:,} genes, "
            f"base rate {self.base_rate:.3f}; {self.ambiguous:,} ambiguous rows dropped"
        )


def check_outputs(output: ScreenOutput) -> None:
    """Refuse names that no reader of questions takes, before any work.

    Raises:
        ConfigError: another ending than `.csv` or `.csv.gz`, or both files have one name.
    """
    for option, path in (("--out", output.out), ("--out-dir", output.out_dir)):
        if path is not None and not path.name.endswith((".csv", ".csv.gz")):
            raise ConfigError(
                f"{path} is no name of a questions file", where=option, hint="end it with .csv or .csv.gz"
            )
        if path is not None and path.is_dir():
            raise ConfigError(f"{path} is a folder", where=option, hint="name a file, such as k562-dir.csv")
    if output.out is not None and output.out == output.out_dir:
        raise ConfigError("--out and --out-dir are one file", where="--out-dir", hint="give two names")


@dataclass(frozen=True)
class ScreenSource:
    """What the questions were made from, for the manifest.

    Args:
        kind: `from-de` or `from-h5ad`.
        files: the input.
        rows: number of rows of differential expression.
        settings: how it was read.
        software: distributions whose versions matter.
    """

    kind: str
    files: Sequence[Path]
    rows: int
    settings: Mapping[str, Any]
    software: Sequence[str] = ("polars", "numpy", "scipy")


def write_screen(
    workspace: WorkspaceBase,
    found: LabelledRows,
    source: ScreenSource,
    rules: LabelRules,
    output: ScreenOutput,
    *,
    remarks: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> ScreenQuestions:
    """Write the questions and a manifest next to each file.

    The manifest (`NAME.manifest.json`) has thresholds, counts, columns, versions of the software, the graph's build and
    SHA-256 digests of input and output. The same input and settings give the same bytes.
    """
    from rbio_kg.core.cell_lines import unknown_lines
    from rbio_kg.training.data.perturbqa_csv import checked_line, write_rows

    line = None if output.cell_line is None else checked_line(output.cell_line)
    notes = list(remarks)
    names = found.names
    if names is not None:
        notes += names.remarks()
    if line is not None:
        notes += unknown_lines([line], workspace.tables["cell_lines"]["name"].to_list())
    if found.de["split"].n_unique() == 1:
        notes.append(f"all rows are {found.de['split'][0]} rows: see --test-share")
    files = [(path, frame) for path, frame in ((output.out, found.de), (output.out_dir, found.dir)) if path is not None]
    for path, frame in files:
        write_rows(path, frame)
        notes += _name_remarks(path, line, "dir" if path == output.out_dir else "de")
    result = ScreenQuestions(
        found.de,
        found.dir,
        rows=found.de.height,
        perturbations=found.de["pert"].n_unique(),
        genes=found.de["gene"].n_unique(),
        base_rate=float(found.de["label"].sum()) / found.de.height,
        ambiguous=found.ambiguous,
        set_aside=found.set_aside,
        unrecognised={} if names is None else names.to_json(),
        out=None if output.out is None else str(output.out),
        out_dir=None if output.out_dir is None else str(output.out_dir),
        manifests=tuple(str(_manifest_path(path)) for path, _ in files),
        cell_line=line,
        columns=dict(source.settings.get("columns", {})),
        remarks=tuple(dict.fromkeys(notes)),
        **(extra or {}),
    )
    counts = {
        key: value
        for key, value in result.to_json().items()
        if key not in ("out", "out_dir", "manifests", "columns", "remarks", "cell_line")
    }
    document = {
        "format": FORMAT,
        "made_by": f"rbio-kg questions {source.kind}",
        "input": [
            {"file": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)} for path in source.files
        ],
        "input_rows": source.rows,
        "settings": dict(source.settings),
        "cell_line": line,
        "labels": {
            "de": {
                "1": f"adjusted p-value at most {rules.max_padj:g}, absolute log2 fold change at least "
                f"{rules.min_abs_lfc:g}",
                "0": f"adjusted p-value at least {rules.ambiguous_padj:g}",
            },
            "dir": {"1": "label 1 of de, and the expression increases", "0": "label 1 of de, and it decreases"},
        },
        "thresholds": rules.to_json(),
        "split": "by perturbation",
        "names": {"accept_suggestions": output.names.accept, "max_unrecognised": output.names.most},
        "counts": counts,
        "directions": {"rows": found.dir.height, "increases": int(found.dir["label"].sum())},
        "graph": workspace.build_id,
        "software": software_versions(source.software),
        "output": {path.name: file_digest(path) for path, _ in files},
    }
    for path, _ in files:
        write_text(_manifest_path(path), json.dumps(plain(document), indent=1, ensure_ascii=False) + "\n")
    return result


def software_versions(names: Sequence[str]) -> dict[str, str]:
    """Versions of Python, rbio-kg and some distributions; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in ("rbio-kg", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _manifest_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".csv") + ".manifest.json")


def _name_remarks(path: Path, line: str | None, task: str) -> list[str]:
    """What to say where the file's name does not state its cell line and task: readers take them from the name."""
    from rbio_kg.core.errors import SourceError
    from rbio_kg.graph_builders.sources.perturbqa import cell_line_of, task_of

    try:
        named = cell_line_of(path)
    except SourceError:
        named = ""
    if (line is None or named == line) and (task_of(path) or "de") == task:
        return []
    wanted = f"{line or 'LINE'}-{task}.csv"
    return [
        f"{path.name}: other commands read cell line and task off a file's name; call it {wanted}, or give them "
        "--cell-line and --task"
    ]
