"""Merges STRING's protein pairs into the best row for each pair of genes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.graph.schema.schema import STRING_CHANNELS

_BITS = 25
"""Proteins are numbered below 2^25 (33 million), scores below 2^10: two proteins and a score are one number to sort."""


def best_pairs(rows: pl.DataFrame, symbols: pl.Series, notes: dict[str, int]) -> pl.DataFrame:
    """Table `interactions`, sorted: for each pair of genes the row with the highest score, ties by the channels.

    Args:
        rows: Int32 `protein1`, `protein2` (positions in `symbols`, of different genes), Int16 `score` and channels;
            a channel is null throughout or nowhere.
        symbols: gene of each protein, ascending, null for proteins that no row has.
        notes: receives the number of merged rows by kind.
    """
    one, other, score = (rows[name].to_numpy().astype(np.int64) for name in ("protein1", "protein2", "score"))
    proteins = _count(one, other, score, notes)
    gene = symbols.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    one, other = gene[one], gene[other]
    packed = _packed(np.minimum(one, other), np.maximum(one, other), score)
    del one, other, score
    order = np.argsort(packed)
    packed = packed[order]
    starts = np.flatnonzero(np.diff(packed >> 10, prepend=-1))
    best = _ties(rows, order, packed, starts)
    notes["several proteins of a gene merged"] = proteins - len(best)
    names = symbols.unique().drop_nulls().sort()
    low, high = packed[starts] >> (_BITS + 10), (packed[starts] >> 10) & ((1 << _BITS) - 1)
    del packed, order
    return rows.select("score", *STRING_CHANNELS)[best].select(
        names.gather(low - 1).alias("start"),
        names.gather(high - 1).alias("end"),
        pl.col("score", *STRING_CHANNELS).cast(pl.Int64),
        pl.lit("STRING").alias("source"),
    )


def _packed(one: NDArray[np.int64], other: NDArray[np.int64], score: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys that sort by pair, then by descending score."""
    return (one << (_BITS + 10)) | (other << 10) | (1023 - score)


def _count(one: NDArray[np.int64], other: NDArray[np.int64], score: NDArray[np.int64], notes: dict[str, int]) -> int:
    """The number of pairs of proteins; also notes the duplicate rows of each pair."""
    # The orientation is the last bit of the pair.
    packed = np.sort(_packed(np.minimum(one, other) << 1, (np.maximum(one, other) << 1) | (one > other), score))
    starts = np.flatnonzero(np.diff(packed >> 10, prepend=-1))
    directed, best = packed[starts] >> 11, packed[starts] & 1023
    again = directed[1:] == directed[:-1]
    notes["duplicate rows merged"] = len(packed) - len(directed)
    notes["other orientation merged"] = int(again.sum())
    notes["orientations with different scores"] = int((again & (best[1:] != best[:-1])).sum())
    return len(directed) - notes["other orientation merged"]


def _ties(rows: pl.DataFrame, order: NDArray[Any], packed: NDArray[np.int64], starts: NDArray[Any]) -> NDArray[Any]:
    """Row of each pair: the first in order, or of several with its score the one with the highest channels."""
    best: NDArray[Any] = order[starts]
    again = np.flatnonzero(packed[1:] == packed[:-1]) + 1
    channels = rows.select(pl.col(STRING_CHANNELS).fill_null(0)).to_numpy(order="c")
    differ = (channels[order[again]] != channels[order[again - 1]]).any(axis=1)
    tied = np.flatnonzero(np.isin(packed, packed[again[differ]]))
    tied = tied[np.lexsort((*(-channels[order[tied]].T[::-1]), packed[tied]))]
    score, first = np.unique(packed[tied], return_index=True)
    pair = np.searchsorted(starts, tied[first], side="right") - 1
    at_the_top = packed[starts[pair]] == score
    best[pair[at_the_top]] = order[tied[first]][at_the_top]
    return best
