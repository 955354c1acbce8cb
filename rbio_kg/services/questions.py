"""Making a table of training questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


def make_questions(
    workspace: WorkspaceBase,
    progress: Progress,
    *,
    families: list[str] | None,
    rows: int,
    cell_line: str | None,
    split_scheme: str,
    out: Path,
) -> dict[str, Any]:
    """Make questions of some families and write them; the document of `questions make`.

    Args:
        workspace: the graph and the benchmark.
        progress: called before each family.
        families: None for all that the graph has; `lacking` of the document says why others are left out.
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
    return {
        "out": str(out),
        "rows": len(made),
        "families": counts.sort("family", "split", "relation").to_dicts(),
        "lacking": lacking,
        "protocol": split_scheme,
        "seed": seed,
        "simulated": made.simulated,
    }
