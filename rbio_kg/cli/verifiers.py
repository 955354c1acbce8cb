"""Commands about verifiers: verifiers list, card, check, add, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg.cli.session import AcceptOption, MostOption, Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.claims import Relation
from rbio_kg.core.errors import VerifierError
from rbio_kg.graph.identity.rules import MOST, NameRules
from rbio_kg.report.card_text import card_text
from rbio_kg.services.verifiers import AddedTable, Predictions, add_table, check_contract, listed, remove_table


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
                f"{name} fails {broken} of {len(rows)} checks",
                hint="fix what they name; see docs/howto/own-verifier.md",
            )

    @command(verifiers, "add")
    def verifiers_add(
        session: Session,
        name: Annotated[str, typer.Argument(help="Name of the new verifier, for example vcm.")],
        predictions: Annotated[
            Path | None,
            typer.Option("--predictions", help="subject,relation,object,cell_line,score or pert,gene,score."),
        ] = None,
        relation: Annotated[
            Relation, typer.Option("--relation", help="Of rows without the column relation.")
        ] = Relation.CHANGES_EXPRESSION_OF,
        cell_line: Annotated[
            str | None, typer.Option("--cell-line", help="Of rows without the column cell_line; any line otherwise.")
        ] = None,
        raw: Annotated[bool, typer.Option("--raw", help="Scores are probabilities: do not calibrate them.")] = False,
        model: Annotated[str | None, typer.Option("--model", help="Model that made the predictions.")] = None,
        licence: Annotated[str | None, typer.Option("--licence", help="Licence of the predictions.")] = None,
        reference: Annotated[str | None, typer.Option("--reference", help="Reference of the model.")] = None,
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of the folds.")] = None,
        accept: AcceptOption = False,
        most: MostOption = MOST,
    ) -> None:
        """Make a verifier of any model's predictions, calibrated out of fold on train rows."""
        if predictions is None:
            raise typer.BadParameter("--predictions FILE is needed")
        rules = NameRules(accept, most)
        given = Predictions(predictions, str(relation), cell_line, raw, model, licence, reference, rules)
        added = add_table(session.workspace(), name, given, seed=seed, progress=session.progress)
        session.remark(added.remarks)
        session.emit(added.to_json(), lambda: _show_added(added))

    @command(verifiers, "convert")
    def verifiers_convert(
        session: Session,
        predicted: Annotated[Path, typer.Argument(help="Predicted cells, h5ad (extra anndata).")],
        control: Annotated[Path, typer.Argument(help="Control cells, h5ad.")],
        out: Annotated[Path | None, typer.Option("--out", help="Table for verifiers add: .csv or .parquet.")] = None,
        key: Annotated[
            str | None, typer.Option("--perturbation-key", help="Column of obs with the perturbation.")
        ] = None,
        label: Annotated[str | None, typer.Option("--control", help="Label of control cells.")] = None,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Cell line; any otherwise.")] = None,
    ) -> None:
        """Make a table of predictions from predicted and control cells, as State and GEARS write them."""
        from rbio_kg.services.screens.predicted import convert_cells
        from rbio_kg.training.data.screens.predicted import PredictedCells

        if out is None:
            raise typer.BadParameter("--out FILE is needed")
        document = convert_cells(PredictedCells(predicted, control, key, label, cell_line), out)
        rows = [("perturbations", document["perturbations"]), ("genes", document["genes"]), ("rows", document["rows"])]
        session.emit(document, lambda: show_table(["what", "number"], rows, title=str(out)))

    @command(verifiers, "remove")
    def verifiers_remove(
        session: Session, name: Annotated[str, typer.Argument(help="Verifier that was made of predictions.")]
    ) -> None:
        """Remove a verifier that was made of predictions."""
        remove_table(session.workspace(), name)
        session.emit({"name": name, "removed": True}, lambda: print(f"{name} is removed"))


def _show_added(added: AddedTable) -> None:
    rows = [
        (relation, found["method"], found["rows"], found["labelled"], found.get("auroc"), found.get("ece"))
        for relation, found in added.calibration.items()
    ]
    note = " (SIMULATED labels)" if added.simulated else ""
    title = f"{added.name}: {added.rows:,} predictions about {added.genes:,} perturbed genes{note}"
    show_table(["relation", "calibration", "rows", "train rows", "AUROC", "ECE"], rows, title=title)
    show_table(["questions", "scored"], [(name, f"{share:.1%}") for name, share in added.questions.items()])
    print(f"use it by name: rbio-kg explain, score, verifiers card {added.name}, or in a recipe")
