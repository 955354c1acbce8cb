"""Commands about claims: explain, score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.display.explanation import show_explanation
from rbio_kg.cli.session import AcceptOption, Session, command
from rbio_kg.core.claims import Claim, Relation
from rbio_kg.services.explain import explain_claim
from rbio_kg.services.score import Unknown, as_claims, read_claims, score_claims


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""

    @command(app, "explain")
    def explain(
        session: Session,
        subject: Annotated[str, typer.Argument(help="Gene symbol.")],
        object: Annotated[str, typer.Argument(help="Gene symbol, GO term id or pathway id.")],
        relation: Annotated[
            Relation, typer.Option("--relation", help="What is claimed.")
        ] = Relation.CHANGES_EXPRESSION_OF,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Cell line of a knockdown claim.")] = None,
        accept: AcceptOption = False,
    ) -> None:
        """Every verifier's verdict on one claim, with the evidence it cites."""
        explained = explain_claim(session.workspace(), Claim(subject, relation, object, cell_line), accept=accept)
        session.remark(explained.remarks)
        session.emit(explained.to_json(), lambda: show_explanation(explained, verbose=session.verbose))

    @command(app, "score")
    def score(
        session: Session,
        claims: Annotated[Path, typer.Argument(help="CSV or Parquet with subject,relation,object,cell_line.")],
        verifier: Annotated[list[str] | None, typer.Option("--verifier", help="One verifier; may be repeated.")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Where to write; standard output otherwise.")] = None,
        unknown: Annotated[
            str, typer.Option("--unknown", help="Claims with unknown names: error, or abstain (no score).")
        ] = "error",
        accept: AcceptOption = False,
    ) -> None:
        """Score many claims: the same rows in the same order, one column a verifier, empty where it abstains."""
        if unknown not in ("error", "abstain"):
            raise typer.BadParameter("--unknown is error or abstain")
        workspace = session.workspace()
        rows = read_claims(claims)
        choice: Unknown = "abstain" if unknown == "abstain" else "error"
        own = as_claims(rows, claims)
        scored = score_claims(
            workspace, rows, own, verifier, session.progress, unknown=choice, accept=accept, where=claims
        )
        session.remark([f"{given} is {symbol}" for given, symbol in list(scored.resolved.items())[:20]])
        session.remark(scored.remarks)
        frame = scored.frame
        document = {**scored.to_json(), "out": None if out is None else str(out)}
        if out is not None:
            import io

            from rbio_kg.core.atomic_io import write_bytes

            buffer = io.BytesIO()
            if out.suffix == ".parquet":
                frame.write_parquet(buffer)
            else:
                frame.write_csv(buffer)
            write_bytes(out, buffer.getvalue())

        abstained = ", ".join(f"{name} {count:,}" for name, count in scored.abstained.items())

        def show() -> None:
            if out is None:
                print(frame.write_csv(), end="")
            else:
                print(f"{frame.height:,} claims scored into {out}; abstained: {abstained}")

        session.emit(document, show)
