"""Which train rows a model may learn from when it is evaluated on one cell line.

`official`: PerturbQA's own split, drawn per cell line; a perturbation held out in one line is often in another line's
train rows, so labels of the very same perturbation leak across lines (that is allowed, and known). `global`: a
perturbation held out in any line leaves every line's train rows.
"""

from __future__ import annotations

import polars as pl

from rbio_kg.errors import TrainingError

PROTOCOLS = ("official", "global")


def official(questions: pl.DataFrame) -> pl.DataFrame:
    """The train rows of all lines, as they are."""
    return questions.filter(pl.col("split") == "train")


def everywhere(questions: pl.DataFrame) -> pl.DataFrame:
    """The train rows whose perturbation is held out in no line (the global protocol)."""
    held_out = questions.filter(pl.col("split") == "test")["pert"].unique()
    return official(questions).filter(~pl.col("pert").is_in(held_out.implode()))


def train_rows(questions: pl.DataFrame, protocol: str) -> pl.DataFrame:
    """The rows to learn from under a protocol.

    Raises:
        TrainingError: the protocol is unknown, or no row is left.
    """
    if protocol not in PROTOCOLS:
        raise TrainingError(f"unknown protocol {protocol!r}", hint=f"known: {', '.join(PROTOCOLS)}")
    train = official(questions) if protocol == "official" else everywhere(questions)
    if train.is_empty():
        raise TrainingError("there are no train rows", hint="name a questions file with train rows")
    return train
