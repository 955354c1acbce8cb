"""Files of predictions: any model's scores of claims, under the graph's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rbio_kg.core.atomic_io import read_table
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.claims import Relation
from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.duplicates import merge_duplicates
from rbio_kg.graph.identity.identity import Identity
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import Unrecognised, recognise

KEYS = ["subject", "relation", "object", "cell_line"]
_HINT = "give the columns subject,relation,object,cell_line,score, or pert,gene,score"


@dataclass(frozen=True)
class FileOptions:
    """What the columns of a file do not say.

    Args:
        relation: of rows without the column `relation`.
        cell_line: of rows without the column `cell_line`; None: they hold for any line.
        names: what is done about names that are not recognised.
    """

    relation: Relation = Relation.CHANGES_EXPRESSION_OF
    cell_line: str | None = None
    names: NameRules = DEFAULT_RULES


@dataclass(frozen=True)
class PredictedRows:
    """The rows of one file.

    Args:
        frame: `subject,relation,object,cell_line,score,row`, each claim once; `row` is the line of a text file, or the
            number of the row in Parquet. `score` is finite.
        names: what was not recognised; such rows are left out.
    """

    frame: pl.DataFrame
    names: Unrecognised


def read_predictions(file: Path, tables: Mapping[str, pl.DataFrame], options: FileOptions) -> PredictedRows:
    """Read CSV (also .gz) or Parquet with `subject,relation,object,cell_line,score` or `pert,gene,score`.

    Rows about a gene and itself are left out, and so are rows with a name that is not recognised.

    Raises:
        SourceError: the file is no such table, a value is wrong (with its line), or two rows of one claim contradict
            each other.
        SelectionError: too many names are not recognised.
    """
    frame = read_table(file, what="file of predictions")
    frame = frame.rename({name: name.strip().lstrip("\ufeff") for name in frame.columns})
    if {"pert", "gene"} <= set(frame.columns):
        frame = frame.rename({"pert": "subject", "gene": "object"})
    missing = [name for name in ("subject", "object", "score") if name not in frame.columns]
    if missing:
        raise SourceError(f"the columns {', '.join(missing)} are missing", where=file, hint=_HINT)
    if frame.is_empty():
        raise SourceError("there are no rows", where=file, hint=_HINT)
    if "relation" not in frame.columns:
        frame = frame.with_columns(relation=pl.lit(str(options.relation)))
    if "cell_line" not in frame.columns:
        frame = frame.with_columns(cell_line=pl.lit(options.cell_line, pl.String))
    frame = frame.select(pl.col(KEYS).cast(pl.String).str.strip_chars(), "score")
    frame = frame.with_row_index("row", offset=1 if file.suffix == ".parquet" else 2)
    frame = frame.with_columns(_score(frame["score"]), line=pl.col("row"))
    lines = {name: canonical_line(name or "") or None for name in frame["cell_line"].unique()}
    frame = frame.with_columns(pl.col("cell_line").replace_strict(lines, return_dtype=pl.String))
    _refuse(frame, frame["subject"].fill_null("") == "", "the subject is empty", file)
    _refuse(frame, frame["object"].fill_null("") == "", "the object is empty", file)
    relations = frame["relation"].fill_null("")
    _refuse(
        frame, ~relations.is_in(list(map(str, Relation))), "is no relation: " + ", ".join(Relation), file, "relation"
    )
    _refuse(frame, ~frame["score"].is_finite().fill_null(value=False), "score is not a finite number", file)
    frame, names = _named(frame, Identity.of_tables(tables), file, options.names)
    found = frame.filter(pl.col("subject") != pl.col("object"))
    if found.is_empty():
        raise SourceError("no row is about two genes of this graph", where=file, hint=names.counts)
    if found.select(KEYS).is_duplicated().any():
        found = merge_duplicates(found.with_columns(file=pl.lit(str(file))), KEYS, ["score"])
    return PredictedRows(found.select(*KEYS, "score", "row"), names)


def _score(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64, strict=False).alias("score")


def _named(frame: pl.DataFrame, identity: Identity, file: Path, rules: NameRules) -> tuple[pl.DataFrame, Unrecognised]:
    """Approved symbols and ids; the genes of an interaction in alphabetical order."""
    member = pl.col("relation") == str(Relation.TAKES_PART_IN)
    named = frame.filter(member)["object"].unique().to_list()
    ids = {name: own for name in named if (own := identity.object(name)) is not None}
    targets = frame.with_columns(target="object")
    if named:
        # The object of a membership is no gene: the search for genes sees the subject in its place.
        some = pl.when(member & pl.col("object").is_in(list(ids))).then("subject").otherwise("object")
        targets = targets.with_columns(object=some, target=pl.col("object").replace(ids))
    found, report = recognise(targets, identity.genes, ("subject", "object"), file, accept=rules.accept)
    report.check(rules.most)
    lost = {column: pl.Series(report.labels(column), dtype=pl.String).implode() for column in ("subject", "object")}
    found = found.with_columns(object=pl.when(member).then("target").otherwise("object"))
    found = found.filter(~(pl.col("subject").is_in(lost["subject"]) | pl.col("object").is_in(lost["object"])))
    swap = (pl.col("relation") == str(Relation.INTERACTS_WITH)) & (pl.col("subject") > pl.col("object"))
    return found.with_columns(
        subject=pl.when(swap).then("object").otherwise("subject"),
        object=pl.when(swap).then("subject").otherwise("object"),
    ), report


def _refuse(frame: pl.DataFrame, wrong: pl.Series, why: str, file: Path, column: str | None = None) -> None:
    bad = frame.filter(wrong)
    if bad.is_empty():
        return
    value = "" if column is None else f"{bad[column][0]!r} "
    more = f" ({bad.height:,} such rows)" if bad.height > 1 else ""
    line, place = int(bad["row"][0]), ""
    if file.suffix == ".parquet":
        place, line = f"row {bad['row'][0]}: ", 0
    raise SourceError(f"{place}{value}{why}{more}", where=file, line=line or None, hint=_HINT)
