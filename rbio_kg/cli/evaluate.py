"""Commands that measure: evaluate expression, evaluate policy, evaluate predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rbio_kg.cli.display.style import width
from rbio_kg.cli.session import AcceptOption, MostOption, Session, UnfinishedOption, command
from rbio_kg.cli.tables import show_table
from rbio_kg.graph.identity.rules import MOST, NameRules
from rbio_kg.report.phrases import REASONINGS

QuestionsFile = Annotated[Path | None, typer.Option("--questions", help="PerturbQA file: pert,gene,label,split.")]
TaskOption = Annotated[str, typer.Option("--task", help="de (does it change) or dir (increase or decrease).")]
LineOption = Annotated[str | None, typer.Option("--cell-line", help="Cell line.")]
SplitOption = Annotated[str, typer.Option("--split", help="Rows to score.")]
SPLIT_SCHEMES_HELP = "official, global, leave-one-line-out or gene-disjoint."
SplitSchemeOption = Annotated[str, typer.Option("--protocol", help=SPLIT_SCHEMES_HELP)]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most this many rows, as complete genes.")]
StoreOption = Annotated[bool, typer.Option("--check-store", help="Look for test rows in the graph database as well.")]
OutOption = Annotated[
    Path | None, typer.Option("--predictions", help="Write every row here with score and abstained; CSV or Parquet.")
]


WIDE = 140
"""Columns of a terminal that is wide enough for the pooled metrics."""
POOLED = ("F1", "balanced accuracy", "MCC", "TPR", "TNR", "pooled AUROC")


def show_evaluation(document: dict[str, Any], name: str) -> None:
    """The metrics of one predictor next to the trivial baselines, and how far it is ahead of each."""
    columns = [
        "predictor",
        "per-gene AUROC",
        "interval",
        "F1",
        "balanced accuracy",
        "MCC",
        "TPR",
        "TNR",
        "pooled AUROC",
        "ECE",
        "lead",
        "interval of the lead",
    ]
    leads = document["differences"]

    def row(title: str, values: dict[str, Any]) -> list[Any]:
        pooled = values.get("pooled") or {}
        names = ("f1", "balanced_accuracy", "mcc", "tpr", "tnr", "auroc")
        lead = leads.get(title) or {}
        return [
            title,
            values.get("per_gene_auroc"),
            values.get("interval"),
            *(pooled.get(key) for key in names),
            values.get("ece"),
            lead.get("mean"),
            [lead["low"], lead["high"]] if lead else None,
        ]

    others = {title: values or {} for title, values in document["baselines"].items()}
    if document.get("against"):
        others[document["against"]["name"]] = document["against"]
    rows = [row(name, document), *(row(title, values) for title, values in others.items())]
    note = " (SIMULATED labels)" if document.get("simulated") else ""
    note += " (UNFINISHED run)" if document.get("unfinished") else ""
    counts = [f"{document['rows']:,} rows", f"{document['genes']:,} genes with both labels"]
    if document.get("missing_rows"):
        counts.append(f"{document['missing_rows']:,} rows not predicted")
    if document.get("extra_rows"):
        counts.append(f"{document['extra_rows']:,} other rows left out")
    counts += [f"coverage of {title} {share:.1%}" for title, share in document.get("coverage", {}).items()]
    wide = width() >= WIDE
    kept = [place for place, column in enumerate(columns) if wide or column not in POOLED]
    shown = [[row[place] for place in kept] for row in rows]
    show_table([columns[place] for place in kept], shown, title=", ".join(counts) + note)
    if not wide:
        print(f"left out below {WIDE} columns: {', '.join(POOLED)} (all with COLUMNS={WIDE} or --json)")


def show_reasoning(document: dict[str, Any]) -> None:
    """What the reasoning does to the answers, what the policy states, and what the graph says of its statements."""
    columns = [
        "probability of yes read after",
        "per-gene AUROC",
        "interval",
        "Brier",
        "ECE",
        "mean p",
        "own leads by",
        "interval of the lead",
        "mean change of p",
        "answers flipped",
        "rank correlation",
    ]
    rows = []
    for name, values in document["readings"].items():
        if values is not None:
            lead = values["lead"] or {}
            figures = [values[key] for key in ("per_gene_auroc", "interval", "brier", "ece", "mean_probability")]
            changes = [values[key] for key in ("mean_change", "flips", "rank_correlation")]
            between = [lead["low"], lead["high"]] if lead else None
            rows.append([REASONINGS[name], *figures, lead.get("mean"), between, *changes])
    show_table(
        columns, rows, title=f"does the reasoning matter? {document['rows']:,} rows, {document['genes']:,} genes"
    )
    stated = document["stated"]
    names = ("per_gene_auroc", "brier", "ece", "mean_q", "verifiers_mean", "yes_share", "unparsed_rate")
    heads = ["per-gene AUROC", "Brier", "ECE", "mean q", "verifiers' mean", "share of yes", "unparsed"]
    show_table(heads, [[stated[name] for name in names]], title="stated by the policy itself")
    checked = {stage: counts for stage, counts in document["statements"].items() if counts is not None}
    kinds = ("per_completion", "supported", "contradicted", "unknown")
    heads = ["statements", "per completion", *kinds[1:]]
    show_table(
        heads, [[stage.replace("_", " "), *(counts[kind] for kind in kinds)] for stage, counts in checked.items()]
    )
    risks = [[name.replace("_", " "), values["area"]] for name, values in document["abstention"].items()]
    show_table(["predictor", "area under risk-coverage"], risks)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    evaluate = typer.Typer(no_args_is_help=True, help="Leak-free evaluation, next to trivial baselines.")
    app.add_typer(evaluate, name="evaluate")

    @command(evaluate, "expression")
    def evaluate_expression(
        session: Session,
        questions: QuestionsFile = None,
        task: TaskOption = "de",
        cell_line: LineOption = None,
        split: SplitOption = "test",
        split_scheme: SplitSchemeOption = "official",
        alone: Annotated[bool, typer.Option("--alone", help="Fit on this file's train rows only.")] = False,
        model: Annotated[str, typer.Option("--model", help="graph, or mlp (a perceptron on gene vectors).")] = "graph",
        embeddings: Annotated[
            Path | None, typer.Option("--embeddings", help="Gene vectors for the mlp, Parquet: gene, vector.")
        ] = None,
        limit: LimitOption = None,
        predictions: OutOption = None,
        check_store: StoreOption = False,
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of folds and intervals.")] = None,
        accept: AcceptOption = False,
        most: MostOption = MOST,
    ) -> None:
        """Fit the expression model on the file's train rows and score its test rows."""
        from rbio_kg.services.evaluate import evaluate_expression as run
        from rbio_kg.training.evaluation.expression import ExpressionOptions

        if questions is None:
            raise typer.BadParameter("--questions FILE is needed")
        workspace = session.workspace(seed=seed)
        options = ExpressionOptions(
            task=task,
            cell_line=cell_line,
            split=split,
            split_scheme=split_scheme,
            alone=alone,
            limit=limit,
            seed=workspace.settings.seed,
            model=model,
            embeddings=embeddings,
            names=NameRules(accept, most),
        )
        result = run(
            workspace, questions, options, predictions=predictions, check_store=check_store, progress=session.progress
        )
        document = result.to_json()
        session.remark(result.remarks)
        session.emit(document, lambda: show_evaluation(document, "expression" if model == "graph" else model))

    @command(evaluate, "predictions")
    def evaluate_predictions(
        session: Session,
        file: Annotated[Path, typer.Argument(help="CSV or Parquet with pert,gene,score, and label or --questions.")],
        questions: QuestionsFile = None,
        task: TaskOption = "de",
        cell_line: LineOption = None,
        split_scheme: SplitSchemeOption = "official",
        predictions: OutOption = None,
        against: Annotated[
            Path | None, typer.Option("--against", help="Another model's predictions of the same rows, CSV.")
        ] = None,
        check_store: StoreOption = False,
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of the intervals.")] = None,
        allow_missing: Annotated[
            bool,
            typer.Option("--allow-missing", help="Measure even if over 20 % of the test rows are missing."),
        ] = False,
        accept: AcceptOption = False,
        most: MostOption = MOST,
    ) -> None:
        """Any model's predictions under the same metric."""
        from rbio_kg.services.evaluate import evaluate_predictions as run
        from rbio_kg.training.evaluation.predictions import PredictionOptions

        workspace = session.workspace(seed=seed)
        rules = NameRules(accept, most)
        options = PredictionOptions(task, cell_line, split_scheme, workspace.settings.seed, allow_missing, rules)
        result = run(
            workspace,
            file,
            options,
            questions=questions,
            against=against,
            predictions=predictions,
            check_store=check_store,
        )
        document = result.to_json()
        session.remark(result.remarks)
        session.emit(document, lambda: show_evaluation(document, file.name))

    @command(evaluate, "policy")
    def evaluate_policy(
        session: Session,
        run: Annotated[str, typer.Argument(help="Name of a run.")],
        questions: QuestionsFile = None,
        task: Annotated[str | None, typer.Option("--task", help="de or dir; the run's otherwise.")] = None,
        cell_line: LineOption = None,
        split: SplitOption = "test",
        split_scheme: Annotated[str | None, typer.Option("--protocol", help="That of the run.")] = None,
        limit: LimitOption = None,
        predictions: OutOption = None,
        samples: Annotated[
            int, typer.Option("--samples", min=0, help="Sampled answers a question; 0: likelihood only.")
        ] = 4,
        reasoning: Annotated[
            bool, typer.Option("--reasoning", help="Also measure what the reasoning does to the answers.")
        ] = False,
        reasoning_rows: Annotated[
            int, typer.Option("--reasoning-rows", min=2, help="About this many questions for that, as complete genes.")
        ] = 200,
        check_store: StoreOption = False,
        accept: AcceptOption = False,
        most: MostOption = MOST,
        unfinished: UnfinishedOption = False,
    ) -> None:
        """A trained policy by likelihood and by votes."""
        from rbio_kg.services.evaluate import PolicyQuestions, evaluate_run
        from rbio_kg.training.evaluation.policy import PolicyOptions
        from rbio_kg.training.evaluation.scored_rows import write_scored_rows

        workspace = session.workspace()
        result = evaluate_run(
            workspace,
            run,
            PolicyQuestions(questions, task, cell_line, split, split_scheme, NameRules(accept, most)),
            PolicyOptions(
                limit=limit,
                samples=samples,
                reasoning_rows=reasoning_rows if reasoning else 0,
                seed=workspace.settings.seed,
            ),
            check_store=check_store,
            unfinished=unfinished,
            progress=session.progress,
        )
        if predictions is not None and result.scored is not None:
            write_scored_rows(predictions, result.scored, result.scored["score"])
        document = result.to_json()
        session.remark(result.remarks)

        def show() -> None:
            show_evaluation(document, run)
            if reasoning:
                show_reasoning(document["reasoning"])

        session.emit(document, show)
