"""Commands that fit models: train link-predictor, train expression, train policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rbio_kg.cli.display.style import styled
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import flat, show_table
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.services.fit import ExpressionData, FitResult, fit

SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed; the workspace's setting otherwise.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of what is made.")]
QuestionsOption = Annotated[
    list[Path] | None, typer.Option("--questions", help="PerturbQA file; may be repeated; the graph's otherwise.")
]


def _emit_fit(session: Session, result: FitResult) -> None:
    simple = [(key, value) for key, value in result.metrics.items() if not isinstance(value, (dict, list))]
    rows = [*simple, ("seconds", result.seconds)]
    session.emit(result.to_json(), lambda: show_table(["metric", "value"], rows, title=result.model))


def show_training(document: dict[str, Any], *, dry_run: bool, verbose: bool) -> None:
    """The result of a training, or with `dry_run` what was checked and what is planned."""
    if dry_run:
        print(
            styled("ok", "green") + "  recipe, graph, verifiers, questions and reward were checked; nothing was trained"
        )
    kept = {key: value for key, value in document.items() if verbose or dry_run or not isinstance(value, (dict, list))}
    show_table(["what", "value"], [(key, value) for key, value in flat(kept) if value is not None])


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    train = typer.Typer(no_args_is_help=True, help="Fit verifiers and policies.")
    app.add_typer(train, name="train")

    @command(train, "link-predictor")
    def link_predictor(
        session: Session,
        name: NameOption = None,
        seed: SeedOption = None,
        epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs of the encoder.")] = None,
    ) -> None:
        """Fit the link predictor (and the graph path verifier's calibration) on the graph."""
        workspace = session.workspace(seed=seed)
        if name is None:
            fit(workspace, "graph_path", progress=session.progress)
        _emit_fit(session, fit(workspace, "link_predictor", name=name, epochs=epochs, progress=session.progress))

    @command(train, "expression")
    def expression(
        session: Session,
        name: NameOption = None,
        seed: SeedOption = None,
        questions: QuestionsOption = None,
        split: Annotated[str, typer.Option("--split", help="Rows to fit on: train.")] = "train",
        split_scheme: Annotated[str, typer.Option("--protocol", help="Split scheme.")] = "official",
        cell_line: Annotated[
            str | None,
            typer.Option(
                "--cell-line", help="Cell line to fit, and to hold out under leave-one-line-out; all otherwise."
            ),
        ] = None,
        gene_vectors: Annotated[
            Path | None,
            typer.Option("--gene-vectors", help="Gene vectors, Parquet: gene, vector; used where they help on train."),
        ] = None,
    ) -> None:
        """Fit the expression model on train questions."""
        workspace = session.workspace(seed=seed)
        data = ExpressionData(
            files=questions or (),
            split=split,
            split_scheme=split_scheme,
            cell_lines=None if cell_line is None else [canonical_line(cell_line)],
            gene_vectors=gene_vectors,
        )
        _emit_fit(session, fit(workspace, "expression", name=name, data=data, progress=session.progress))

    @command(train, "policy")
    def policy(
        session: Session,
        config: Annotated[
            str | None, typer.Option("--config", help="Recipe: a TOML file or a shipped one (rbio-kg recipes list).")
        ] = None,
        name: NameOption = None,
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on with the run NAME, with its recorded recipe.")
        ] = False,
        steps: Annotated[int | None, typer.Option("--steps", min=0, help="GRPO steps.")] = None,
        model: Annotated[str | None, typer.Option("--model", help="smollm2, a folder or a hub id.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, train nothing.")] = False,
        stop_on_alarm: Annotated[
            bool, typer.Option("--stop-on-alarm", help="End GRPO at the first alarm, with a checkpoint.")
        ] = False,
        report_to: Annotated[
            str, typer.Option("--report-to", help="Also report GRPO to tensorboard, trackio, wandb or mlflow.")
        ] = "none",
    ) -> None:
        """Warm up a language model and train it by GRPO with the composed reward."""
        from rbio_kg.services.train import RecipeChanges, kept_of_run, run_name, train_policy
        from rbio_kg.training.pipeline.train import TrainingOptions
        from rbio_kg.training.runs.run_folder import find_run

        if resume and name is None:
            raise typer.BadParameter("--resume needs the run's name: --name NAME")
        workspace = session.workspace(model=model)
        if resume and name is not None and config is None:
            find_run(workspace.paths, name)  # without a recipe there is nothing to start
        chosen = run_name(workspace, name)
        session.resume = lambda: kept_of_run(workspace, chosen)
        result = train_policy(
            workspace,
            config,
            name=chosen,
            changes=RecipeChanges(steps=steps),
            options=TrainingOptions(resume, dry_run, stop_on_alarm, report_to),
            progress=session.progress,
        )
        if result is not None:  # of several processes the first one reports
            document = result.to_json()
            session.emit(document, lambda: show_training(document, dry_run=dry_run, verbose=session.verbose))
