"""Questions as files: what `questions make` writes, and any other table with the same columns."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from rbio_kg.core.atomic_io import read_table, write_bytes
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Relation
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.identity import Identity
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import SET_ASIDE, Unrecognised, recognise
from rbio_kg.training.data.perturbqa_csv import read_question_file
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS, family_of, templates

if TYPE_CHECKING:
    from rbio_kg.training.data.question_set import QuestionSet

NEEDED = ("subject", "relation", "object", "label")
PERTURBQA = ("pert", "gene", "label", "split")
"""Columns of a file in PerturbQA's format, which can be read too."""
MADE_SCHEMA: dict[str, pl.DataType] = {
    "subject": pl.String(),
    "relation": pl.String(),
    "object": pl.String(),
    "object_name": pl.String(),
    "cell_line": pl.String(),
    "label": pl.Int64(),
    "split": pl.String(),
    "family": pl.String(),
    "template": pl.Int64(),
    "question": pl.String(),
    "gene_prior": pl.Float64(),
    "simulated": pl.Boolean(),
}
"""Columns of a made file. A file of one's own needs `NEEDED`; for the others there are defaults."""
_OWN = {"subject": "pert", "object": "gene", "family": "task"}


def as_rows(made: pl.DataFrame) -> pl.DataFrame:
    """A made frame with the column names that `QuestionSet` uses, absent columns at their defaults."""
    defaults = {"cell_line": None, "split": "train", "family": None, "template": None, "simulated": False}
    absent = {**defaults, "object_name": None, "gene_prior": None}
    frame = made.with_columns(
        pl.lit(value, dtype=MADE_SCHEMA[name]).alias(name) for name, value in absent.items() if name not in made.columns
    )
    return frame.select(
        pl.col(name).cast(kind).alias(_OWN.get(name, name)) for name, kind in MADE_SCHEMA.items() if name != "question"
    )


def as_made(questions: QuestionSet) -> pl.DataFrame:
    """Questions with the columns of a made file, in their order, each with its text."""
    relations = pl.Series("relation", [str(claim.relation) for claim in questions.claims()], dtype=pl.String)
    frame = questions.frame.with_columns(relations).rename({own: name for name, own in _OWN.items()})
    made = as_rows(frame).rename({own: name for name, own in _OWN.items()})
    return made.with_columns(
        question=pl.Series(questions.texts(), dtype=pl.String), template=pl.col("template").fill_null(0)
    ).select(list(MADE_SCHEMA))


def write_made_questions(questions: QuestionSet, path: Path) -> None:
    """Write a Parquet file, or CSV where the name ends so; the same questions give the same bytes."""
    buffer = io.BytesIO()
    made = as_made(questions)
    if path.suffix == ".csv":
        made.write_csv(buffer)
    else:
        made.write_parquet(buffer)
    write_bytes(path, buffer.getvalue())


@dataclass(frozen=True)
class MadeQuestions:
    """The questions of a made file.

    Args:
        frame: rows with the columns of `QuestionSet`.
        names: what was not recognised; None where no graph was given.
    """

    frame: pl.DataFrame
    names: Unrecognised | None


def read_made_questions(
    path: Path, tables: Mapping[str, pl.DataFrame] | None = None, rules: NameRules = DEFAULT_RULES
) -> MadeQuestions:
    """The rows of a made file, Parquet or CSV.

    Args:
        path: the file; it needs the columns `NEEDED`. A PerturbQA file (`pert,gene,label,split`) will do; its name
            states cell line and task.
        tables: the graph, for approved symbols; None leaves names as they are.
        rules: what is done about names that are not recognised.

    Raises:
        SourceError: the file is unreadable, lacks a column, or a row is no question (with its number).
        SelectionError: too many names are not recognised.
    """
    path = Path(path)
    made = read_table(path, what="file of questions")
    if {*PERTURBQA} <= set(made.columns) and not {"subject", "object"} & set(made.columns):
        found = read_question_file(path, None, None, tables, rules)
        return MadeQuestions(_checked(as_rows(_with_relations(found.frame)), path), found.names)
    missing = [name for name in NEEDED if name not in made.columns]
    if missing:
        raise SourceError(
            f"the file of questions has no column {', '.join(missing)}",
            where=path,
            hint=f"it needs {', '.join(NEEDED)} (rbio-kg questions make writes them) or {', '.join(PERTURBQA)}",
        )
    if made.schema.get("simulated") == pl.String():
        made = made.with_columns(pl.col("simulated").str.to_lowercase() == "true")
    try:
        frame = as_rows(made)
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"a column has the wrong type ({' '.join(str(error).split())[:200]})", where=path) from error
    if tables is None:
        return MadeQuestions(_checked(frame, path), None)
    frame, names = _settled(frame, tables, path, rules)
    return MadeQuestions(_checked(frame, path), names)


def _with_relations(frame: pl.DataFrame) -> pl.DataFrame:
    """PerturbQA rows with the columns of a made file."""
    relations = {task: str(relation) for task, relation in TASK_RELATION.items()}
    relation = pl.col("task").replace_strict(relations, return_dtype=pl.String).alias("relation")
    return frame.with_columns(relation).rename({own: name for name, own in _OWN.items()})


def _checked(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    relations = {str(relation) for relation in Relation}
    known = pl.col("relation").is_in(list(relations))
    default = pl.col("relation").replace_strict({name: family_of(name) for name in relations}, default=None)
    lines = {name: canonical_line(name) or None for name in frame["cell_line"].unique().drop_nulls()}
    frame = frame.with_columns(
        pl.col("cell_line").replace(lines),
        task=pl.coalesce("task", default),
        gene_prior=pl.col("gene_prior").fill_nan(None),
    )
    kinds = pl.DataFrame(
        [
            (family, str(relation), len(templates(family, relation)))
            for family, relations_of in FAMILY_RELATIONS.items()
            for relation in relations_of
        ],
        schema=["task", "relation", "templates"],
        orient="row",
    )
    frame = frame.join(kinds, on=["task", "relation"], how="left", maintain_order="left")
    genes = pl.col("relation") != str(Relation.TAKES_PART_IN)
    knockdown = pl.col("relation").is_in([str(relation) for relation in KNOCKDOWN_RELATIONS])
    checks = (
        (pl.col("pert").fill_null("").str.strip_chars() == "", "the subject is empty"),
        (pl.col("gene").fill_null("").str.strip_chars() == "", "the object is empty"),
        (~known.fill_null(False), "the relation is unknown"),
        (pl.col("templates").is_null(), "the family has no such relation"),
        (~pl.col("label").is_in([0, 1]).fill_null(False), "the label is not 0 or 1"),
        (~pl.col("split").is_in(["train", "test"]).fill_null(False), "the split is not train or test"),
        (~pl.col("template").fill_null(0).is_between(0, pl.col("templates") - 1), "there is no such template"),
        (~pl.col("gene_prior").fill_null(0.5).is_between(0, 1), "gene_prior is no rate between 0 and 1"),
        (genes & (pl.col("pert") == pl.col("gene")), "subject and object are the same gene"),
        (knockdown & pl.col("cell_line").is_null(), "a question about a knockdown names no cell line"),
        (
            pl.struct("label", "split").n_unique().over("task", "relation", "cell_line", "pert", "gene") > 1,
            "the question occurs twice with another label or split",
        ),
    )
    numbered = frame.with_row_index("number", offset=1)
    for bad, why in checks:
        rows = numbered.filter(bad)
        if len(rows):
            number = int(rows["number"][0])
            raise SourceError(
                f"row {number}: {why}" + (f" ({len(rows)} such rows)" if len(rows) > 1 else ""),
                where=path,
                hint="docs/reference/questions.md lists the columns of a file of questions",
            )
    return frame.drop("templates").unique(
        ["task", "relation", "cell_line", "pert", "gene"], keep="first", maintain_order=True
    )


def _settled(
    frame: pl.DataFrame, tables: Mapping[str, pl.DataFrame], path: Path, rules: NameRules
) -> tuple[pl.DataFrame, Unrecognised]:
    """Approved symbols of genes, ids of terms and pathways; rows with a control or without a name are set aside."""
    identity = Identity.of_tables(tables)
    member = pl.col("relation") == str(Relation.TAKES_PART_IN)
    # The objects of memberships are no genes: they are hidden from the search for genes.
    objects = frame.filter(member)["gene"].unique().drop_nulls().to_list()
    ids = {name: identity.object(name) or name for name in objects}
    hidden = frame.with_columns(pl.when(member).then(pl.col("pert")).otherwise("gene").alias("gene"))
    found, report = recognise(hidden, identity.genes, ("pert", "gene"), path, accept=rules.accept)
    report.check(rules.most)
    objects_back = pl.when(member).then(frame["gene"].replace(ids)).otherwise("gene").alias("gene")
    return found.with_columns(objects_back).filter(~report.stands(("pert", "gene"), SET_ASIDE)), report
