"""Commands about verifiers: verifiers list, verifiers card, verifiers check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import VerifierError
from rbio_kg.report.card_text import card_text
from rbio_kg.services.verifiers import check_contract, listed


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    verifiers = typer.Typer(no_args_is_help=True, help="The verifiers and their cards.")
    app.add_typer(verifiers, name="verifiers")

    @command(verifiers, "list")
    def verifiers_list(session: Session) -> None:
        """What each verifier knows, and when it abstains."""
        workspace = session.workspace()
        rows = [listed(workspace, name) for name in workspace.verifier_names()]
        session.emit(
            {"verifiers": [row.to_json() for row in rows], "simulated": any(row.simulated for row in rows)},
            lambda: show_table(
                ["name", "kind", "status", "labels", "knows"],
                [
                    (
                        row.name,
                        row.kind,
                        row.status,
                        "SIMULATED" if row.simulated else None,
                        row.reason or (row.card and row.card.knows),
                    )
                    for row in rows
                ],
            ),
        )

    @command(verifiers, "card")
    def verifiers_card(
        session: Session,
        name: Annotated[str, typer.Argument(help="Verifier.")],
        split: Annotated[
            str, typer.Option("--split", help="train (out of fold) or test (look once, with settings frozen).")
        ] = "train",
    ) -> None:
        """One verifier's card and scorecard: coverage, ranking, calibration, speed, agreement, where it is wrong."""
        from rbio_kg.services.scorecards import full_card

        document = full_card(session.workspace(), name, split, session.progress).to_json()
        session.emit(document, lambda: print(card_text(document), end=""))

    @command(verifiers, "check")
    def verifiers_check(
        session: Session,
        name: Annotated[str, typer.Argument(help="Verifier, or MODULE:NAME or FILE.py:NAME.")],
        claims: Annotated[
            Path | None, typer.Option("--claims", help="CSV or Parquet of claims that it scores; drawn otherwise.")
        ] = None,
    ) -> None:
        """Whether a verifier keeps the contract, check by check; exit code 1 where it does not."""
        check = check_contract(session.workspace(), name, claims)
        rows = [(item.name, "passed" if item.passed else "FAILED", item.message) for item in check.checks]
        session.emit(check.to_json(), lambda: show_table(["check", "", "what to do"], rows))
        broken = sum(not item.passed for item in check.checks)
        if broken:
            raise VerifierError(
                f"{name} fails {broken} of {len(rows)} checks", hint="fix what they name; see docs/own-verifier.md"
            )
