"""Verbs that fit models: train link-predictor, train expression, train policy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.progress import Progress

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace

SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed; the workspace's setting otherwise.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of what is made.")]
QuestionsOption = Annotated[
    list[Path] | None, typer.Option("--questions", help="PerturbQA file; may be repeated; the graph's otherwise.")
]


def forget_scorecards(workspace: Workspace) -> None:
    """A refitted verifier needs new scorecards."""
    models = workspace.paths.models
    for path in (models / "scorecards.json", *(models / "scorecards").glob("*.json")):
        path.unlink(missing_ok=True)


def fit_graph_path(workspace: Workspace, progress: Progress, seed: int) -> dict[str, Any]:
    """Calibrate the graph path verifier on this graph."""
    from rbio_kg.verifiers.graph_path.verifier import fit_graph_path as fit

    metrics = fit(
        workspace.tables, workspace.snapshot_folder, workspace.model_folder("graph_path"), seed=seed, progress=progress
    )
    forget_scorecards(workspace)
    return metrics


def fit_link_predictor(
    workspace: Workspace, progress: Progress, seed: int, name: str = "link_predictor", **options: Any
) -> dict[str, Any]:
    """Fit the link predictor on this graph."""
    from rbio_kg.verifiers.link_predictor.verifier import fit_link_predictor as fit

    metrics = fit(
        workspace.snapshot_folder,
        workspace.model_folder(name),
        questions=workspace.tables["questions"],
        seed=seed,
        progress=progress,
        **options,
    )
    forget_scorecards(workspace)
    return metrics


def fit_expression(
    workspace: Workspace,
    progress: Progress,
    seed: int,
    name: str = "expression",
    files: list[Path] | None = None,
    split: str = "train",
    split_scheme: str = "official",
    cell_lines: list[str] | None = None,
) -> dict[str, Any]:
    """Fit the expression model on the graph's questions, or on the files', for all cell lines or for some."""
    import polars as pl

    from rbio_kg.core.errors import TrainingError
    from rbio_kg.training.data.perturbqa_csv import read_question_file
    from rbio_kg.verifiers.expression.verifier import fit_expression as fit

    questions = workspace.tables["questions"]
    if files:
        questions = pl.concat([read_question_file(file, None, None, workspace.tables) for file in files])
    if split != "train":
        raise TrainingError("models are fitted on train rows only", where="--split", hint="leave it at train")
    if questions.filter(pl.col("split") == "train").is_empty():
        raise TrainingError("there are no train questions", hint="name a PerturbQA file with --questions")
    metrics = fit(
        workspace.tables,
        workspace.model_folder(name),
        questions=questions,
        seed=seed,
        split_scheme=split_scheme,
        cell_lines=cell_lines,
        progress=progress,
    )
    forget_scorecards(workspace)
    return metrics


def _emit_fit(session: Session, name: str, metrics: dict[str, Any], seconds: float) -> None:
    document = {"model": name, "metrics": metrics, "seconds": round(seconds, 3)}
    simple = [(key, value) for key, value in metrics.items() if not isinstance(value, (dict, list))]
    session.emit(document, lambda: show_table(["metric", "value"], [*simple, ("seconds", seconds)], title=name))


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
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
        started = time.perf_counter()
        options = {} if epochs is None else {"epochs": epochs}
        chosen = name or "link_predictor"
        if name is None:
            fit_graph_path(workspace, session.progress, workspace.settings.seed)
        metrics = fit_link_predictor(workspace, session.progress, workspace.settings.seed, chosen, **options)
        _emit_fit(session, chosen, metrics, time.perf_counter() - started)

    @command(train, "expression")
    def expression(
        session: Session,
        name: NameOption = None,
        seed: SeedOption = None,
        questions: QuestionsOption = None,
        split: Annotated[str, typer.Option("--split", help="Rows to fit on: train.")] = "train",
        split_scheme: Annotated[str, typer.Option("--protocol", help="What may be learnt from.")] = "official",
        cell_line: Annotated[
            str | None, typer.Option("--cell-line", help="The line to answer for, and to leave out; all otherwise.")
        ] = None,
    ) -> None:
        """Fit the expression model on train questions."""
        workspace = session.workspace(seed=seed)
        started = time.perf_counter()
        chosen = name or "expression"
        metrics = fit_expression(
            workspace,
            session.progress,
            workspace.settings.seed,
            chosen,
            questions,
            split=split,
            split_scheme=split_scheme,
            cell_lines=None if cell_line is None else [cell_line.lower()],
        )
        _emit_fit(session, chosen, metrics, time.perf_counter() - started)

    @command(train, "policy")
    def policy(
        session: Session,
        config: Annotated[
            str | None, typer.Option("--config", help="Recipe: a TOML file or a shipped one (rbio-kg recipes list).")
        ] = None,
        name: NameOption = None,
        resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
        steps: Annotated[int | None, typer.Option("--steps", min=0, help="GRPO steps.")] = None,
        model: Annotated[str | None, typer.Option("--model", help="smollm2, a folder or a hub id.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, train nothing.")] = False,
        stop_on_alarm: Annotated[
            bool, typer.Option("--stop-on-alarm", help="End GRPO at the first alarm, with a checkpoint.")
        ] = False,
        report_to: Annotated[
            str, typer.Option("--report-to", help="Also write curves for tensorboard or trackio, in the run's folder.")
        ] = "none",
    ) -> None:
        """Warm up a language model and train it by GRPO with the composed reward."""
        from rbio_kg.cli.policy_run import run_policy

        workspace = session.workspace(model=model)
        session.resume = (
            f"the last checkpoint is kept; go on with: rbio-kg train policy --resume --name {name or 'policy'}"
        )
        document = run_policy(
            workspace,
            session.progress,
            config=config,
            name=name,
            resume=resume,
            steps=steps,
            dry_run=dry_run,
            stop_on_alarm=stop_on_alarm,
            report_to=report_to,
        )
        simple = [(key, value) for key, value in document.items() if not isinstance(value, (dict, list))]
        if set(document) != {"run"}:  # of several processes the first one tells
            session.emit(document, lambda: show_table(["what", "value"], simple))
