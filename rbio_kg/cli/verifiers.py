"""Verbs about the judges: verifiers list, verifiers card, verifiers check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.judge import as_claims, read_claims
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.errors import BuildError, ConfigError, RbioKGError, VerifierError

if TYPE_CHECKING:
    import polars as pl

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
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return {"name": name, "kind": None, "ready": False, "reason": reason}


def check_document(workspace: Workspace, name: str, claims: Path | None) -> dict[str, Any]:
    """Every check of the contract and how it went."""
    from verifiers.contract import examine
    from verifiers.examination import examination

    verifier = workspace.verifier(name)
    own = None if claims is None else as_claims(read_claims(claims), claims)
    examined = examination(verifier, workspace.tables, own, seed=workspace.settings.seed)
    outcomes = examine(examined)
    return {
        "name": name,
        "passes": all(outcome.passed for outcome in outcomes),
        "claims": len(examined.claims),
        "checks": [vars(outcome) for outcome in outcomes],
    }


def scorecard_questions(workspace: Workspace) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The train rows of a scorecard: de questions of one cell line (k562 where there is one), and of all."""
    import polars as pl

    train = workspace.tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == "de"))
    lines = train["cell_line"].unique().sort().to_list()
    if not lines:
        return train, train
    return train.filter(pl.col("cell_line") == ("k562" if "k562" in lines else lines[0])), train


def card_document(workspace: Workspace, name: str) -> dict[str, Any]:
    """A verifier's card and scorecard."""
    from verifiers.scorecard import scorecard

    verifier = workspace.verifier(name)
    asked, train = scorecard_questions(workspace)
    measured = scorecard(verifier, asked, seed=workspace.settings.seed, train=train)
    return {"name": name, "kind": verifier.kind, **verifier.card.to_json(), **measured}


def _show_card(document: dict[str, Any]) -> None:
    skipped = {"pooled", "baselines", "reliability"}
    show_table(["what", "value"], [(key, _brief(value)) for key, value in document.items() if key not in skipped])
    baselines = document["baselines"] or {}
    rows = [(name, values["per_gene_auroc"], values["interval"]) for name, values in baselines.items()]
    show_table(["baseline", "per-gene AUROC", "interval"], rows)


def _brief(value: Any) -> Any:
    if isinstance(value, list) and not (len(value) == 2 and all(isinstance(item, float) for item in value)):
        return ", ".join(str(item) for item in value)
    return value


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
    def verifiers_card(session: Session, name: Annotated[str, typer.Argument(help="Verifier.")]) -> None:
        """One verifier's card and scorecard, on out-of-fold scores of the train questions."""
        document = card_document(session.workspace(), name)
        session.emit(document, lambda: _show_card(document))

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
