"""STRING's formula for joining scores: direct with transferred, and the channels into one combined score.

von Mering et al., Nucleic Acids Research 33 (2005) D433, as in STRING's script `combine_subscores.py`: the prior is
taken out of every score, direct and transferred evidence are joined, co-occurrence and text mining count less between
homologous proteins, the rest is joined as independent evidence, and the prior is added once.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.graph.schema.schema import STRING_CHANNELS

PRIOR = 0.041
"""STRING's prior probability that two random proteins interact."""
TRANSFERRED = ("neighborhood", "coexpression", "experiments", "database", "textmining")
"""Channels with a second column, `NAME_transferred`: evidence carried over from other organisms."""
LESS_BETWEEN_HOMOLOGS = ("cooccurence", "textmining")
"""Channels in which similar sequences alone make a score: they are multiplied by 1 - homology."""
_EVIDENCE = (np.maximum(np.arange(1001) / 1000, PRIOR) - PRIOR) / (1 - PRIOR)
"""Each score 0 to 1000 as a probability without the prior."""


def both(direct: pl.Expr, transferred: pl.Expr) -> pl.Expr:
    """One channel's score from the organism itself and from others, integers 0 to 1000 as in the columns."""
    without = [(score / 1000 - PRIOR) / (1 - PRIOR) for score in (direct, transferred)]
    together = 1 - (1 - without[0]) * (1 - without[1])
    joined = ((together + (1 - together) * PRIOR) * 1000 + 1e-6).floor().cast(pl.Int16)
    higher = pl.max_horizontal(direct, transferred)
    prior = round(1000 * PRIOR)
    return pl.when((direct > prior) & (transferred > prior)).then(joined).otherwise(higher)


def combined(rows: pl.DataFrame, channels: Collection[str] = STRING_CHANNELS) -> NDArray[np.int16]:
    """The combined score of some channels, an integer 41 to 1000, (rows,).

    In numpy, not in polars, which multiplies by 1 / 1000 where STRING divides: a product that is an integer
    may then be rounded down.

    Args:
        rows: the columns of the full links file, integers 0 to 1000.
        channels: those that count, of `STRING_CHANNELS`.
    """
    nothing = np.ones(rows.height)
    for name in STRING_CHANNELS:
        if name not in channels:
            continue
        evidence = _EVIDENCE[rows[name].to_numpy()]
        if name in TRANSFERRED:
            evidence = 1 - (1 - evidence) * (1 - _EVIDENCE[rows[f"{name}_transferred"].to_numpy()])
        if name in LESS_BETWEEN_HOMOLOGS:
            evidence = evidence * (1 - rows["homology"].to_numpy() / 1000)
        nothing *= 1 - evidence
    return (((1 - nothing) * (1 - PRIOR) + PRIOR) * 1000).astype(np.int16)
