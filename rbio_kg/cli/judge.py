"""Verbs about claims: explain, score."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.atomic_io import read_table
from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.errors import ClaimError, ModelError, RbioKGError, SourceError, VerifierError, fault
from rbio_kg.registry import BUILT_IN

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.workspace import Workspace

COLUMNS = ("subject", "relation", "object", "cell_line")


def explain_claim(workspace: Workspace, claim: Claim) -> dict[str, Any]:
    """Every verifier's verdict on one claim, and their probabilities pooled as the default reward does."""
    import numpy as np

    from rbio_kg.verifiers.pooling import DEFAULT_POOLING, DEFAULT_WEIGHTS, pool

    verdicts: list[Verdict] = []
    for name in workspace.verifier_names():
        try:
            verdicts.append(workspace.verifier(name).explain(claim))
        except VerifierError as error:
            verdicts.append(Verdict(None, Status.ABSTAIN, reason=str(error), verifier=name))
        except ModelError as error:
            verdicts.append(Verdict(None, Status.ERROR, reason=str(error), verifier=name))
        except RbioKGError:
            raise
        except Exception as error:
            if name in BUILT_IN:
                raise
            # A fault in somebody's own verifier must not hide what the others say.
            reason = fault(error)
            verdicts.append(Verdict(None, Status.ERROR, reason=reason, verifier=name))
    named = {verdict.verifier: verdict for verdict in verdicts}
    members = [name for name in DEFAULT_WEIGHTS if name in named]
    scores = np.array([[np.nan if named[name].score is None else named[name].score] for name in members], dtype=float)
    pooled, _ = pool(scores, [DEFAULT_WEIGHTS[name] for name in members], DEFAULT_POOLING)
    return {
        "claim": {name: getattr(claim, name) for name in COLUMNS} | {"id": claim.id},
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "composed": None if np.isnan(pooled[0]) else float(pooled[0]),
        "weights": DEFAULT_WEIGHTS,
    }


def _show_explanation(document: dict[str, Any]) -> None:
    claim = document["claim"]
    print(
        f"{claim['subject']} {claim['relation']} {claim['object']}"
        + (f" in {claim['cell_line']}" if claim["cell_line"] else "")
    )
    rows = [(item["verifier"], item["status"], item["score"], item["reason"]) for item in document["verdicts"]]
    show_table(["verifier", "status", "score", "reason"], rows)
    composed = document["composed"]
    print("composed: " + ("no verifier spoke" if composed is None else f"{composed:.3f}"))
    for item in document["verdicts"]:
        for element in item["evidence"]:
            detail = ", ".join(f"{key} {value}" for key, value in element["detail"].items())
            print(
                f"  {item['verifier']}: ({element['start']['key']})-[{element['type']}]->({element['end']['key']})"
                f"  weight {element['weight']:.2f}" + (f"  {detail}" if detail else "")
            )


def read_claims(path: Path) -> pl.DataFrame:
    """A CSV (also .gz) or Parquet file with `subject,relation,object` and, where it matters, `cell_line`.

    Raises:
        SourceError: the file is missing, empty, no table, or a row is no claim (with its line).
    """
    import polars as pl

    frame = read_table(path)
    missing = [name for name in COLUMNS[:3] if name not in frame.columns]
    if missing:
        raise SourceError(
            f"the columns {', '.join(missing)} are missing", where=path, hint=f"it must have {', '.join(COLUMNS)}"
        )
    if "cell_line" not in frame.columns:
        frame = frame.with_columns(cell_line=pl.lit(None, dtype=pl.String))
    return frame


def as_claims(frame: pl.DataFrame, path: Path) -> list[Claim]:
    """The rows of `read_claims` as claims.

    Raises:
        SourceError: a row is no claim (with its line).
    """
    claims = []
    for number, row in enumerate(frame.select(COLUMNS).iter_rows(), start=2):
        try:
            claims.append(Claim(*row))
        except (ClaimError, TypeError) as error:
            raise SourceError(str(error), where=path, line=None if path.suffix == ".parquet" else number) from None
    return claims


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""

    @command(app, "explain")
    def explain(
        session: Session,
        subject: Annotated[str, typer.Argument(help="Gene symbol.")],
        object: Annotated[str, typer.Argument(help="Gene symbol, GO term id or pathway id.")],
        relation: Annotated[
            Relation, typer.Option("--relation", help="What is claimed.")
        ] = Relation.CHANGES_EXPRESSION_OF,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Cell line of a knockdown claim.")] = None,
    ) -> None:
        """Every verifier's verdict on one claim, with the evidence it cites."""
        document = explain_claim(session.workspace(), Claim(subject, relation, object, cell_line))
        session.emit(document, lambda: _show_explanation(document))

    @command(app, "score")
    def score(
        session: Session,
        claims: Annotated[Path, typer.Argument(help="CSV or Parquet with subject,relation,object,cell_line.")],
        verifier: Annotated[list[str] | None, typer.Option("--verifier", help="One verifier; may be repeated.")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Where to write; standard output otherwise.")] = None,
    ) -> None:
        """Score many claims: the same rows in the same order, one column a verifier, empty where it abstains."""
        import numpy as np
        import polars as pl

        from rbio_kg.core.atomic_io import write_bytes

        workspace = session.workspace()
        frame = read_claims(claims)
        listed = as_claims(frame, claims)
        names = verifier or [name for name in workspace.verifier_names() if workspace.verifier(name).kind == "claim"]
        started = time.perf_counter()
        abstained: dict[str, int] = {}
        for name in dict.fromkeys(names):
            scores = workspace.verifier(name).score(listed)
            abstained[name] = int(np.isnan(scores).sum())
            frame = frame.with_columns(pl.Series(name, scores, dtype=pl.Float64).fill_nan(None))
            session.progress(f"scored by {name}", 1.0)
        document = {
            "rows": frame.height,
            "abstained": abstained,
            "seconds": round(time.perf_counter() - started, 3),
            "out": None if out is None else str(out),
        }
        if out is not None:
            import io

            buffer = io.BytesIO()
            if out.suffix == ".parquet":
                frame.write_parquet(buffer)
            else:
                frame.write_csv(buffer)
            write_bytes(out, buffer.getvalue())

        def show() -> None:
            if out is None:
                print(frame.write_csv(), end="")
            else:
                print(f"{frame.height:,} claims scored into {out}; abstained: {abstained}")

        session.emit(document, show)
