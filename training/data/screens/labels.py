"""Labels, splits and negatives: from rows of differential expression to questions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.errors import ConfigError, SourceError
from rbio_kg.graph.identity.gene_names import UNRECOGNISED, GeneNames
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.graph.identity.unrecognised import Unrecognised, recognise

PAIR = ("pert", "gene")
COLUMNS = ("pert", "gene", "label", "split")
"""Columns of a questions file."""
ALL_GENES_HINT = (
    "keep the unchanged genes in the table: scanpy n_genes=None, Seurat logfc.threshold=0, min.pct=0 and "
    "return.thresh=1, edgeR topTags(n=Inf)"
)


@dataclass(frozen=True)
class LabelRules:
    """How rows become labels, and which rows are kept.

    Args:
        max_padj: label 1 needs an adjusted p-value of at most this, 0 to 1.
        min_abs_lfc: label 1 needs an absolute fold change (log2) of at least this.
        ambiguous_padj: label 0 needs an adjusted p-value of at least this; the rows between are dropped.
        negatives_per_positive: most rows of label 0 for each row of label 1 of the same gene and split; None keeps all.
        test_share: share of the perturbations whose rows are test rows, 0 to 1.
        seed: of the split and the negatives.

    Raises:
        ConfigError: a value is out of range.
    """

    max_padj: float = 0.05
    min_abs_lfc: float = 0.25
    ambiguous_padj: float = 0.5
    negatives_per_positive: float | None = None
    test_share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        ranges: tuple[tuple[str, float | None, float], ...] = (
            ("--max-padj", self.max_padj, 1.0),
            ("--ambiguous-padj", self.ambiguous_padj, 1.0),
            ("--test-share", self.test_share, 1.0),
            ("--min-abs-lfc", self.min_abs_lfc, np.inf),
            ("--negatives-per-positive", self.negatives_per_positive, np.inf),
        )
        for option, value, highest in ranges:
            if value is not None and not 0.0 <= value <= highest:
                most = f" to {highest:g}" if np.isfinite(highest) else " or more"
                raise ConfigError(f"{value:g} is out of range", where=option, hint=f"use 0{most}")
        if self.ambiguous_padj <= self.max_padj:
            raise ConfigError(
                f"a row cannot be unchanged from an adjusted p-value of {self.ambiguous_padj:g} and changed up to "
                f"{self.max_padj:g}",
                where="--ambiguous-padj",
                hint="it must be more than --max-padj",
            )

    def to_json(self) -> dict[str, Any]:
        """The settings by name."""
        return {
            "max_padj": self.max_padj,
            "min_abs_lfc": self.min_abs_lfc,
            "ambiguous_padj": self.ambiguous_padj,
            "negatives_per_positive": self.negatives_per_positive,
            "test_share": self.test_share,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class LabelledRows:
    """Questions from a screen.

    Args:
        de: `pert`, `gene`, `label` (1: the expression changes), `split`; sorted.
        dir: the same columns for the rows of label 1; label 1: the expression increases.
        ambiguous: number of rows between the thresholds.
        set_aside: reason -> number of rows that are no questions. Rows, ambiguous rows and these add up to the table.
        names: what was not recognised.
    """

    de: pl.DataFrame
    dir: pl.DataFrame
    ambiguous: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    names: Unrecognised | None = None


def label_rows(
    rows: pl.DataFrame,
    genes: GeneNames,
    where: str | Path,
    rules: LabelRules | None = None,
    names: NameRules = DEFAULT_RULES,
) -> LabelledRows:
    """Label the rows of a differential-expression table.

    Rows are set aside where a name means no gene (the reason is its kind, see
    `rbio_kg.graph.identity.gene_names.UNRECOGNISED`), a name or number is missing (`missing`), both names are one gene
    (`same_gene`), rows of one pair disagree (`contradictory`) or agree (`repeated`), or a negative was not drawn
    (`not_drawn`).

    Args:
        rows: columns of `rbio_kg.training.data.screens.table.SCHEMA`.
        genes: names of the graph's genes.
        where: the table's name, for messages.
        rules: thresholds, split and negatives.
        names: what is done about names that are not recognised.

    Raises:
        SelectionError: too many names are not recognised.
        SourceError: no question is left, or all have one label.
    """
    rules = rules or LabelRules()
    if rows.is_empty():
        raise SourceError("the table has no rows", where=where)
    frame, report = recognise(rows, genes, PAIR, where, accept=names.accept)
    report.check(names.most)
    frame = frame.with_columns(
        pl.when(pl.any_horizontal(pl.col("padj", "lfc").is_null()))
        .then(pl.coalesce(_unrecognised(report), pl.lit("missing")))
        .otherwise(_unrecognised(report))
        .alias("reason")
    )
    frame = frame.with_columns(
        pl.when(pl.col("reason").is_null() & (pl.col("pert") == pl.col("gene")))
        .then(pl.lit("same_gene"))
        .otherwise("reason")
        .alias("reason")
    )
    set_aside = dict(frame.drop_nulls("reason").group_by("reason").len().iter_rows())
    kept = frame.filter(pl.col("reason").is_null()).drop("reason")
    changed = (pl.col("padj") <= rules.max_padj) & (pl.col("lfc").abs() >= rules.min_abs_lfc) & (pl.col("lfc") != 0)
    unchanged = pl.col("padj") >= rules.ambiguous_padj
    kept = kept.with_columns(
        pl.when(changed).then(1).when(unchanged).then(0).otherwise(None).cast(pl.Int64).alias("label"),
        (pl.col("lfc") > 0).cast(pl.Int64).alias("up"),
    )
    kept = _one_of_each(kept, set_aside)
    ambiguous = kept["label"].null_count()
    kept = kept.drop_nulls("label")
    if kept.is_empty() or kept["label"].n_unique() == 1:
        _refuse(kept, ambiguous, set_aside, where)
    kept = kept.join(_splits(kept["pert"], rules, where), on="pert", how="left", maintain_order="left")
    if rules.negatives_per_positive is not None:
        drawn = _drawn(kept, rules.negatives_per_positive, rules.seed)
        set_aside["not_drawn"] = kept.height - drawn.height
        kept = drawn
    kept = kept.sort("pert", "gene")
    direction = kept.filter(pl.col("label") == 1).with_columns(label=pl.col("up"))
    order = {reason: set_aside[reason] for reason in (*UNRECOGNISED, *_OTHER) if set_aside.get(reason)}
    return LabelledRows(kept.select(COLUMNS), direction.select(COLUMNS), ambiguous, order, report)


_OTHER = ("same_gene", "contradictory", "repeated", "not_drawn")


def _unrecognised(report: Unrecognised) -> pl.Expr:
    """Kind of the first name of a row that was not recognised: of the perturbation, else of the gene."""
    kinds = [(column, kind) for column in PAIR for kind in UNRECOGNISED if report.labels(column, kind)]
    found = [pl.when(report.stands((column,), (kind,))).then(pl.lit(kind)) for column, kind in kinds]
    return pl.coalesce(*found, pl.lit(None, dtype=pl.String))


def _one_of_each(rows: pl.DataFrame, set_aside: dict[str, int]) -> pl.DataFrame:
    """One row of each pair. A pair whose rows disagree in label or direction is set aside."""
    answer = pl.struct(pl.col("label").fill_null(-1), pl.when(pl.col("label") == 1).then("up").otherwise(-1))
    disagree = answer.n_unique().over(PAIR) > 1
    agreed = rows.filter(~disagree)
    found = agreed.unique(PAIR, keep="first", maintain_order=True)
    set_aside["contradictory"] = rows.height - agreed.height
    set_aside["repeated"] = agreed.height - found.height
    return found


def _splits(perts: pl.Series, rules: LabelRules, where: str | Path) -> pl.DataFrame:
    """Perturbation -> `train` or `test`: a hash of seed and symbol, so that a new perturbation moves few others."""

    def place(pert: str) -> str:
        return hashlib.sha256(f"split of a screen\t{rules.seed}\t{pert}".encode()).hexdigest()

    ordered = sorted(perts.unique().to_list(), key=place)
    count = round(rules.test_share * len(ordered))
    if 0.0 < rules.test_share < 1.0:
        if len(ordered) < 2:
            raise SourceError(
                f"there is one perturbation, {ordered[0]}, which cannot be divided into train and test",
                where=where,
                hint="--test-share 0 makes all rows train rows, --test-share 1 all test rows",
            )
        count = min(max(count, 1), len(ordered) - 1)
    splits = ["test"] * count + ["train"] * (len(ordered) - count)
    return pl.DataFrame({"pert": ordered, "split": splits}, schema={"pert": pl.String, "split": pl.String})


def _drawn(rows: pl.DataFrame, per_positive: float, seed: int) -> pl.DataFrame:
    """All positives, and for each gene and split at most `per_positive` negatives a positive, drawn at random."""
    ordered = rows.sort("split", "gene", "pert")
    draw = pl.Series("draw", np.random.default_rng(seed).random(ordered.height))
    groups = ["split", "gene"]
    ordered = ordered.with_columns(draw).with_columns(
        pl.col("draw").rank("ordinal").over([*groups, "label"]).alias("rank"),
        (pl.col("label").sum().over(groups) * per_positive).round().alias("most"),
    )
    return ordered.filter((pl.col("label") == 1) | (pl.col("rank") <= pl.col("most"))).drop("draw", "rank", "most")


def _refuse(kept: pl.DataFrame, ambiguous: int, set_aside: Mapping[str, int], where: str | Path) -> None:
    lost = ", ".join(f"{count:,} {reason}" for reason, count in set_aside.items() if count)
    counts = f"{ambiguous:,} rows lie between the thresholds" + (f", set aside: {lost}" if lost else "")
    if kept.is_empty():
        raise SourceError(f"no question is left ({counts})", where=where, hint="check the columns and the thresholds")
    if kept["label"][0] == 1:
        raise SourceError(f"all {kept.height:,} questions have label 1 ({counts})", where=where, hint=ALL_GENES_HINT)
    raise SourceError(
        f"all {kept.height:,} questions have label 0 ({counts})",
        where=where,
        hint="nothing changes at these thresholds: check --max-padj and --min-abs-lfc, and the columns",
    )
