"""Verbs about the judges: verifiers list, verifiers card, verifiers check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.judge import as_claims, read_claims
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import BuildError, ConfigError, RbioKGError, VerifierError, fault
from rbio_kg.report.card_text import card_text

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace


def listed(workspace: Workspace, name: str) -> dict[str, Any]:
    """One verifier's card, or the reason why there is none; a broken one does not hide the others."""
    try:
        verifier = workspace.verifier(name)
        return {"name": name, "kind": verifier.kind, "ready": True, **verifier.card.to_json()}
    except (BuildError, ConfigError):
        raise  # nothing of the workspace can be used
    except RbioKGError as error:
        reason = str(error)
    except Exception as error:  # somebody else's code
        reason = fault(error)
    return {"name": name, "kind": None, "ready": False, "reason": reason}


def check_document(workspace: Workspace, name: str, claims: Path | None) -> dict[str, Any]:
    """Every check of the contract and how it went."""
    from rbio_kg.verifiers.testing.cases import examination
    from rbio_kg.verifiers.testing.checks import evaluate

    verifier = workspace.verifier(name)
    own = None if claims is None else as_claims(read_claims(claims), claims)
    evaluated = examination(verifier, workspace.tables, own, seed=workspace.settings.seed)
    outcomes = evaluate(evaluated)
    return {
        "name": name,
        "passes": all(outcome.passed for outcome in outcomes),
        "claims": len(evaluated.claims),
        "checks": [vars(outcome) for outcome in outcomes],
    }


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    verifiers = typer.Typer(no_args_is_help=True, help="The judges and their cards.")
    app.add_typer(verifiers, name="verifiers")

    @command(verifiers, "list")
    def verifiers_list(session: Session) -> None:
        """What each verifier knows, and when it abstains."""
        workspace = session.workspace()
        rows = [listed(workspace, name) for name in workspace.verifier_names()]
        session.emit(
            {"verifiers": rows},
            lambda: show_table(
                ["name", "kind", "ready", "knows"],
                [(row["name"], row["kind"], row["ready"], row.get("knows", row.get("reason"))) for row in rows],
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
        from rbio_kg.cli.scorecards import full_card

        document = full_card(session.workspace(), name, split, session.progress)
        session.emit(document, lambda: print(card_text(document), end=""))

    @command(verifiers, "check")
    def verifiers_check(
        session: Session,
        name: Annotated[str, typer.Argument(help="Verifier, or MODULE:NAME or FILE.py:NAME.")],
        claims: Annotated[
            Path | None, typer.Option("--claims", help="CSV or Parquet of claims that it judges; else drawn.")
        ] = None,
    ) -> None:
        """Whether a verifier keeps the contract, check by check; exit code 1 where it does not."""
        document = check_document(session.workspace(), name, claims)
        checks = document["checks"]
        rows = [
            (item["name"], "passed" if item["passed"] else "FAILED", item["message"]) for item in document["checks"]
        ]
        session.emit(document, lambda: show_table(["check", "", "what to do"], rows))
        broken = sum(not item["passed"] for item in checks)
        if broken:
            raise VerifierError(
                f"{name} fails {broken} of {len(rows)} checks", hint="mend what they name; see docs/own-verifier.md"
            )
