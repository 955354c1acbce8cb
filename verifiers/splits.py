"""Split schemes: which train rows a model may be fitted on, and which test rows it is evaluated on. Folds.

`official`: PerturbQA's own split, drawn per cell line; a perturbation held out in one line is often in another line's
train rows, so labels of the same perturbation leak across lines (known and allowed). `global`: a
perturbation held out in any line leaves every line's train rows. `leave-one-line-out`: the evaluated line has no train
rows of its own; the other lines keep theirs. `gene-disjoint`: a seeded half of the monitored genes is held out; their
rows leave every line's train rows, and only test rows on these genes are evaluated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import TrainingError

SplitScheme = Literal["official", "global", "leave-one-line-out", "gene-disjoint"]
SPLIT_SCHEMES: tuple[str, ...] = get_args(SplitScheme)
FOLDS = 10
"""Number of folds of perturbations in which verifiers are calibrated."""


@dataclass(frozen=True)
class Division:
    """Questions divided by a split scheme, each part with the schema and order of the questions.

    Args:
        train: rows to fit on, of all lines; never empty.
        test: rows to evaluate on, of the evaluated lines; may be empty.
    """

    train: pl.DataFrame
    test: pl.DataFrame


def divide(
    questions: pl.DataFrame, split_scheme: str, cell_lines: str | Collection[str] | None = None, *, seed: int = 0
) -> Division:
    """The train and test rows of a split scheme.

    Args:
        questions: rows with the schema of `questions`: all lines and both splits, because a split scheme may look at
            what is held out anywhere.
        split_scheme: one of `SPLIT_SCHEMES`.
        cell_lines: the evaluated line or lines, in any spelling; None for all.
        seed: of the genes held out by `gene-disjoint`.

    Raises:
        TrainingError: the split scheme is unknown, no train row is left, or the line to leave out is missing.
    """
    if split_scheme not in SPLIT_SCHEMES:
        raise TrainingError(f"unknown split scheme {split_scheme!r}", hint=f"known: {', '.join(SPLIT_SCHEMES)}")
    given = [cell_lines] if isinstance(cell_lines, str) else cell_lines
    lines = None if given is None else sorted({canonical_line(line) for line in given})
    train, test = (questions.filter(pl.col("split") == split) for split in ("train", "test"))
    hint = "name a questions file with train rows"
    if split_scheme == "global":
        train = train.filter(~pl.col("pert").is_in(test["pert"].unique().implode()))
        hint = "every perturbation is held out in some line; the official split scheme allows more"
    elif split_scheme == "leave-one-line-out":
        if lines is None:
            raise TrainingError("leave-one-line-out needs the cell line that is left out", hint="name the cell line")
        train = train.filter(~pl.col("cell_line").is_in(lines))
        hint = f"without {', '.join(lines)} other cell lines must have train rows: build them into the workspace"
    elif split_scheme == "gene-disjoint":
        apart = held_out_genes(questions["gene"].unique().to_list(), seed)
        train, test = train.filter(~pl.col("gene").is_in(apart)), test.filter(pl.col("gene").is_in(apart))
    if train.is_empty():
        raise TrainingError(f"the {split_scheme} split scheme leaves no train rows", hint=hint)
    return Division(train, test if lines is None else test.filter(pl.col("cell_line").is_in(lines)))


def held_out_genes(genes: Collection[str], seed: int) -> list[str]:
    """The half of monitored genes that `gene-disjoint` holds out: by hash, so the same in every line, task and file."""

    def held_out(gene: str) -> bool:
        return hashlib.sha256(f"{seed}\tmonitored\t{gene}".encode()).digest()[0] % 2 == 1

    return sorted(gene for gene in genes if held_out(gene))


def fold_of(symbol: str, seed: int) -> int:
    """The fold of a perturbation, 0 to FOLDS - 1: the same in every cell line, task and file."""
    return int(hashlib.sha256(f"{seed}\t{symbol}".encode()).hexdigest()[:12], 16) % FOLDS
