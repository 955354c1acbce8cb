"""Making a table of training questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


@dataclass(frozen=True)
class MadeFamily:
    """The questions of one family, split and relation that were made.

    Args:
        family: of questions, such as `de` or `physical`.
        split: `train` or `test`.
        relation: of their claims.
        rows: number of questions.
        yes: how many of them are answered with yes.
        templates: number of different texts.
    """

    family: str
    split: str
    relation: str
    rows: int
    yes: int
    templates: int


@dataclass(frozen=True)
class MadeQuestions:
    """Training questions that were written.

    Args:
        out: the file.
        rows: number of questions.
        families: what they are, sorted.
        lacking: each family that the graph has no questions of, and why.
        split_scheme: whose test rows were not taken; `protocol` in JSON.
        seed: of all draws.
        simulated: whether some answers rest on simulated labels.
    """

    out: Path
    rows: int
    families: tuple[MadeFamily, ...]
    lacking: Mapping[str, str]
    split_scheme: str
    seed: int
    simulated: bool

    def to_json(self) -> dict[str, Any]:
        """The document of the command `questions make`."""
        document = asdict(self)
        document["out"] = str(self.out)
        document["families"] = [asdict(family) for family in self.families]
        document["protocol"] = document.pop("split_scheme")
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> MadeQuestions:
        """The questions of the document that `to_json` wrote."""
        return cls(
            out=Path(document["out"]),
            rows=document["rows"],
            families=tuple(MadeFamily(**family) for family in document["families"]),
            lacking=document["lacking"],
            split_scheme=document["protocol"],
            seed=document["seed"],
            simulated=document["simulated"],
        )


def make_questions(
    workspace: WorkspaceBase,
    progress: Progress,
    *,
    families: list[str] | None,
    rows: int,
    cell_line: str | None,
    split_scheme: str,
    out: Path,
) -> MadeQuestions:
    """Make questions of some families and write them.

    Args:
        workspace: the graph and the benchmark.
        progress: called before each family.
        families: None for all that the graph has; `lacking` of the result says why others are left out.
        rows: questions of each family, about.
        cell_line: of knockdowns; None for all.
        split_scheme: whose test rows are never taken.
        out: Parquet or CSV file.

    Raises:
        TrainingError, EvaluationError: one of the given families, or every one, has no questions here.
    """
    import polars as pl

    from rbio_kg.training.data.mixture import family_questions, with_rates, with_templates
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.data.question_table import as_made, write_made_questions
    from rbio_kg.training.prompts.templates import FAMILY_RELATIONS

    seed = workspace.settings.seed
    benchmark = workspace.tables["questions"]
    allowed = QuestionSet(benchmark)
    chosen = list(dict.fromkeys(families or FAMILY_RELATIONS))
    lacking: dict[str, str] = {}
    if not set(chosen).isdisjoint(("de", "dir")):
        allowed = allowed.under(split_scheme, cell_line, seed=seed)
    parts = []
    for number, family in enumerate(chosen):
        progress(f"questions: {family}", number / len(chosen))
        try:
            found = family_questions(
                allowed,
                family,
                rows=rows,
                seed=seed,
                cell_line=None if split_scheme == "leave-one-line-out" else cell_line,
                snapshot=workspace.snapshot,
                reported=workspace.tables["reported_interactions"],
            )
        except (TrainingError, EvaluationError) as error:
            if families:
                raise type(error)(
                    error.what, hint=f"{error.hint}; without --family, all families that the graph has are made"
                ) from error
            lacking[family] = error.what
            continue
        found = with_templates(found, seed)
        if family in ("de", "dir") and workspace.model_folder("expression").is_dir():
            found = with_rates(found, workspace.fact_source())
        parts.append(found.frame)
    if not parts:
        raise TrainingError("the graph has no questions of any family", hint="build with more sources")
    made = QuestionSet(pl.concat(parts, how="diagonal"))
    write_made_questions(made, out)
    counts = (
        as_made(made)
        .group_by("family", "split", "relation")
        .agg(
            pl.len().alias("rows"), pl.col("label").sum().alias("yes"), pl.col("template").n_unique().alias("templates")
        )
    )
    return MadeQuestions(
        out=out,
        rows=len(made),
        families=tuple(MadeFamily(**row) for row in counts.sort("family", "split", "relation").to_dicts()),
        lacking=lacking,
        split_scheme=split_scheme,
        seed=seed,
        simulated=made.simulated,
    )
