"""Ten completions to read: the best, the worst, the disputed and the unreadable, the same ten every time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import polars as pl

from rbio_kg.core.claims import Status, Verdict
from rbio_kg.report.phrases import TEXT_VERIFIERS
from rbio_kg.report.run_data import RunData, rollout, verdicts
from rbio_kg.training.runs.rollout_file import Rollout

WANTED = 10
"""Examples shown."""

SHARES = (("best", 3), ("worst", 3), ("disputed", 2), ("unparsed", 2))
"""Kinds of example and how many of each are looked for; what is missing is filled up with typical ones."""

KINDS = {
    "best": "highest reward",
    "worst": "lowest reward",
    "disputed": "verifiers disagree",
    "unparsed": "unparsed",
    "typical": "typical",
}

DISPUTES_SOUGHT_IN = 2000
"""Rollouts, the last ones, in which disagreement is looked for: their verdicts must all be read."""

_CITES = r'"evidence":\s*\[\s*\{'

LEAST_DISPUTE = 0.2
"""Scores closer than this are no disagreement."""


@dataclass(frozen=True)
class Example:
    """A rollout and why it was chosen (a key of `KINDS`)."""

    kind: str
    rollout: Rollout


def spread(given: Iterable[Verdict]) -> float:
    """The largest difference between two claim verifiers' scores, 0..1; 0 where fewer than two scored."""
    scored = [verdict for verdict in given if verdict.status is Status.OK and verdict.verifier not in TEXT_VERIFIERS]
    scores = [verdict.score for verdict in scored if verdict.score is not None]
    return max(scores) - min(scores) if len(scores) > 1 else 0.0


def choose(run: RunData) -> list[Example]:
    """At most `WANTED` examples, in the order of `SHARES`; later steps win ties, a completion appears once.

    A run keeps cited evidence for some completions of each step; those come first, since they can be looked into.

    Raises:
        ReportError: a rollout that must be read is malformed.
    """
    frame = run.rollouts.with_row_index("row").with_columns(
        explained=pl.col("verdicts").str.contains(_CITES).fill_null(False)
    )
    answered = frame.filter(pl.col("answer").is_in(["yes", "no"]) & pl.col("reward").is_not_null())
    queues = {
        "best": answered.sort("reward", "step", "row", descending=[True, True, False]),
        "worst": answered.sort("reward", "step", "row", descending=[False, True, False]),
        "disputed": _disputed(answered),
        "unparsed": frame.filter(~pl.col("answer").is_in(["yes", "no"]).fill_null(False)).sort(
            "step", "row", descending=[True, False]
        ),
        "typical": _typical(frame),
    }
    taken: set[tuple[Any, ...]] = set()
    chosen: dict[str, list[Mapping[str, Any]]] = {
        kind: _take(queues[kind], how_many, taken) for kind, how_many in SHARES
    }
    missing = WANTED - sum(len(rows) for rows in chosen.values())
    chosen["typical"] = _take(queues["typical"], missing, taken)
    return [Example(kind, rollout(row)) for kind, rows in chosen.items() for row in rows]


def _take(queue: pl.DataFrame, how_many: int, taken: set[tuple[Any, ...]]) -> list[Mapping[str, Any]]:
    """The first rows of the queue that say something new: another claim if possible, another text in any case."""
    rows: list[Mapping[str, Any]] = []
    for explained, fresh_claim in product((True, False), repeat=2):
        for row in queue.filter(pl.col("explained") == explained).iter_rows(named=True):
            if len(rows) >= how_many:
                return rows
            claim = (row["subject"], row["relation"], row["object"], row["cell_line"])
            text = (*claim, row["completion"])
            if text in taken or (fresh_claim and claim in taken):
                continue
            taken |= {claim, text}
            rows.append(row)
    return rows


def _disputed(answered: pl.DataFrame) -> pl.DataFrame:
    last = answered.tail(DISPUTES_SOUGHT_IN)
    spreads = [spread(verdicts(row)) for row in last.iter_rows(named=True)]
    return (
        last.with_columns(pl.Series("spread", spreads, dtype=pl.Float64))
        .filter(pl.col("spread") >= LEAST_DISPUTE)
        .sort("spread", "step", "row", descending=[True, True, False])
    )


def _typical(frame: pl.DataFrame) -> pl.DataFrame:
    """Nearest to the median reward first."""
    far = (pl.col("reward") - pl.col("reward").median()).abs()
    return frame.with_columns(far=far).sort("far", "step", "row", descending=[False, True, False], nulls_last=True)
