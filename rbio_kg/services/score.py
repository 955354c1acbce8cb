"""Scoring many claims with several verifiers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from rbio_kg.core.atomic_io import read_table
from rbio_kg.core.cell_lines import unknown_lines
from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import ClaimError, SelectionError, SourceError
from rbio_kg.core.progress import Progress, silent

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.graph.identity.unrecognised import Unrecognised
    from rbio_kg.services.base import WorkspaceBase

Frame = TypeVar("Frame", bound=Any)
"""A polars or pandas frame."""

Unknown = Literal["error", "abstain"]
"""What happens to claims with names that the graph does not know."""

_MOST_NEAR = 5
"""The most names for which the nearest genes are looked up, which takes time."""
COLUMNS = ("subject", "relation", "object", "cell_line")


@dataclass(frozen=True)
class Scored:
    """Claims with one column of scores for each verifier.

    Args:
        frame: the given rows in their order, and the scores; null where a verifier abstains.
        abstained: number of claims without a score, by verifier.
        seconds: duration.
        resolved: each name that was given otherwise than in the graph, and the symbol or id that it means.
        unrecognised: kind of name that was not recognised -> number of rows.
        simulated: the verifiers whose scores of these claims rest on simulated labels.
        remarks: what people should know about the rows, a line each.
    """

    frame: pl.DataFrame
    abstained: Mapping[str, int]
    seconds: float
    resolved: Mapping[str, str]
    unrecognised: Mapping[str, int]
    simulated: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document of the command `score`, without `out`."""
        return {
            "rows": self.frame.height,
            "abstained": dict(self.abstained),
            "seconds": self.seconds,
            "resolved": dict(self.resolved),
            "unrecognised": dict(self.unrecognised),
            "simulated": bool(self.simulated),
        }


def score_claims(
    workspace: WorkspaceBase,
    frame: pl.DataFrame,
    claims: Sequence[Claim],
    verifiers: Sequence[str] | None = None,
    progress: Progress = silent,
    *,
    unknown: Unknown = "error",
    accept: bool = False,
    where: str | Path = "claims",
) -> Scored:
    """Score claims under the graph's own names.

    Args:
        workspace: its verifiers.
        frame: the claims' rows; each score becomes a column.
        claims: the same rows as claims, (n,).
        verifiers: names; all claim verifiers otherwise.
        progress: called after each verifier.
        unknown: `error` refuses names that the graph does not know; with `abstain` their claims get no score.
        accept: take the suggested gene where there is exactly one.
        where: the table's name, for messages.

    Raises:
        SelectionError: names are not recognised; the message lists them by kind.
        VerifierError: a name is unknown, or a verifier has not been fitted, raised, or gave no probabilities.
        SourceError: a column of the rows has the name of a verifier.
    """
    import numpy as np
    import polars as pl

    from rbio_kg.graph.identity.claims import resolve_claims
    from rbio_kg.verifiers.base.answers import scores_of
    from rbio_kg.verifiers.base.verifier import rests_on_simulated_labels

    found = resolve_claims(claims, workspace.graph.identity, where, 2, accept=accept)
    if unknown == "error" and found.names.rows:
        raise SelectionError(
            found.names.counts,
            where=where,
            hint=_correct(workspace, found.names),
        )
    names = verifiers or [name for name in workspace.verifier_names() if workspace.verifier(name).kind == "claim"]
    taken = [name for name in names if name in frame.columns]
    if taken:
        raise SourceError(
            f"the column {taken[0]!r} of the table would be replaced by the scores of that verifier",
            hint="rename or remove the column, or choose other verifiers with --verifier",
        )
    started = time.perf_counter()
    abstained: dict[str, int] = {}
    simulated = []
    relations = {claim.relation for claim in found.claims}
    for name in dict.fromkeys(names):
        verifier = workspace.verifier(name)
        scores, card = scores_of(name, verifier, found.claims), verifier.card
        if any(rests_on_simulated_labels(card, relation) for relation in relations):
            simulated.append(name)
        abstained[name] = int(np.isnan(scores).sum())
        frame = frame.with_columns(pl.Series(name, scores, dtype=pl.Float64).fill_nan(None))
        progress(f"scored by {name}", 1.0)
    seconds = round(time.perf_counter() - started, 3)
    lines = unknown_lines((claim.cell_line for claim in found.claims), workspace.graph.identity.cell_lines)
    labels = [f"SIMULATED labels: the scores of {', '.join(simulated)} rest on them"] if simulated else []
    remarks = (*labels, *lines, *found.names.remarks())
    return Scored(frame, abstained, seconds, found.resolved, found.names.to_json(), tuple(simulated), remarks)


def _correct(workspace: WorkspaceBase, names: Unrecognised) -> str:
    """What to do about names, with the nearest genes of the first unknown ones."""
    near = (
        {
            label: workspace.graph.identity.genes.near(label)
            for label in dict.fromkeys(name.label for name in names.names if name.kind == "unknown")
        }
        if len(names.names) <= _MOST_NEAR
        else {}
    )
    meant = "; ".join(f"for {label!r} {', '.join(found)}?" for label, found in near.items() if found)
    suggested = any(len(name.candidates) == 1 for name in names.names)
    accept = ", take the suggestions (--accept-suggestions)" if suggested else ""
    nearest = f" (the nearest: {meant})" if meant else ""
    return f"correct the names{nearest}{accept}, or leave these rows without a score (--unknown abstain)"


def score_frame(
    workspace: WorkspaceBase,
    frame: Frame,
    verifiers: Sequence[str] | None = None,
    progress: Progress = silent,
    *,
    unknown: Unknown = "error",
) -> Frame:
    """Score a polars or pandas frame: the same rows in the same order, and one column for each verifier.

    Args:
        workspace: its verifiers.
        frame: columns `subject,relation,object` and, for claims about knockdowns, `cell_line`.
        verifiers: names; all claim verifiers otherwise.
        progress: called after each verifier.
        unknown: `error` refuses names that the graph does not know; with `abstain` their claims get no score.

    Returns:
        A frame of the given kind. A score is null (in pandas NaN) where the verifier abstains.

    Raises:
        SourceError: a column is missing, or a row is not a claim.
        SelectionError: names are not recognised.
        VerifierError: a name is unknown, or a verifier has not been fitted.
    """
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        claims = as_claims(_with_lines(frame, "frame"), "frame")
        return cast("Frame", score_claims(workspace, frame, claims, verifiers, progress, unknown=unknown).frame)
    rows = pl.DataFrame({name: [_text(value) for value in frame[name]] for name in COLUMNS if name in frame.columns})
    claims = as_claims(_with_lines(rows, "frame"), "frame")
    scored = score_claims(workspace, rows, claims, verifiers, progress, unknown=unknown)
    return cast("Frame", frame.assign(**{name: scored.frame[name].to_numpy() for name in scored.abstained}))


def _text(value: Any) -> str | None:
    """A cell of a pandas frame, where a missing text is None or NaN."""
    return None if value is None or value != value else str(value)  # noqa: PLR0124


def read_claims(path: Path) -> pl.DataFrame:
    """A CSV (also .gz) or Parquet file with `subject,relation,object` and, where it matters, `cell_line`.

    Raises:
        SourceError: the file is missing, empty, no table, or a row is no claim (with its line).
    """
    return _with_lines(read_table(path), path)


def _with_lines(frame: pl.DataFrame, where: str | Path) -> pl.DataFrame:
    import polars as pl

    missing = [name for name in COLUMNS[:3] if name not in frame.columns]
    if missing:
        raise SourceError(
            f"the columns {', '.join(missing)} are missing", where=where, hint=f"it must have {', '.join(COLUMNS)}"
        )
    if "cell_line" not in frame.columns:
        frame = frame.with_columns(cell_line=pl.lit(None, dtype=pl.String))
    return frame


def as_claims(frame: pl.DataFrame, where: str | Path) -> list[Claim]:
    """The rows of `read_claims` as claims.

    Raises:
        SourceError: a row is no claim (with its line).
    """
    claims = []
    numbered = isinstance(where, Path) and where.suffix != ".parquet"
    for number, row in enumerate(frame.select(COLUMNS).iter_rows(), start=2):
        try:
            claims.append(Claim(*row))
        except (ClaimError, TypeError) as error:
            raise SourceError(str(error), where=where, line=number if numbered else None) from None
    return claims
