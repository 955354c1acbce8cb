"""The main job end to end: sources, graph, verifiers, reward, policy, evaluation, evidence, report."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rbio_kg.cli.display.explanation import show_explanation
from rbio_kg.cli.graph import SourcesOption, StoreOption
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table
from rbio_kg.services.demo import DemoResult, run_demo, run_quickstart


def show_demo(result: DemoResult) -> None:
    """The short table at the end."""
    simulated = "  (SIMULATED knockdown labels)" if result.sources.simulated else ""
    build, training = result.build, result.training
    print()
    show_table(
        ["built", "count"],
        [
            ("nodes", sum(build.nodes.values())),
            ("relationships", sum(build.relationships.values())),
            ("evidence: verdicts", result.evidence["verdicts"]),
            ("evidence: citations", result.evidence["citations"]),
        ],
        title="The graph, build " + build.build_id,
    )
    print("seconds: " + ", ".join(f"{stage} {value:.0f}" for stage, value in result.seconds.items()))
    reused = [name for name, value in asdict(build.reused).items() if value]
    reused += [name for name, verifier in result.verifiers.items() if verifier.fit is not None and verifier.fit.reused]
    reused += ["policy"] if training.reused else []
    if reused:
        print("reused from an earlier run: " + ", ".join(reused) + " (--fresh starts over)")
    print()
    cards = {name: verifier.card.scorecard for name, verifier in result.verifiers.items()}
    show_table(
        ["verifier", "coverage", "per-gene AUROC", "interval", "ECE", "note"],
        [
            (name, card.coverage, card.per_gene_auroc, card.interval, card.ece, card.reason)
            for name, card in cards.items()
        ],
        title="Verifiers on train questions, out of fold" + simulated,
    )
    print()
    before, after = training.before or {}, training.after or {}
    stages = (("before", before), ("after warmup", training.after_warmup), ("after", after))
    columns = ("well_formed", "mean_reward", "per_gene_auroc", "interval")
    rows = [(stage, *(values[name] for name in columns)) for stage, values in stages if values]
    for name, values in after["baselines"].items():
        rows.append((f"baseline: {name}", None, None, values["per_gene_auroc"], values["interval"]))
    show_table(
        ["policy", "well-formed", "mean reward", "per-gene AUROC", "interval"],
        rows,
        title=f"The policy on {after['rows']:,} test questions, {after['genes']} genes{simulated}",
    )
    print()
    print(f"In Cypher: {result.query.purpose}")
    print(result.query.cypher.strip())
    show_rows([dict(row) for row in result.query.rows])
    print()
    print(f"report: {result.report}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @command(app, "quickstart")
    def quickstart(session: Session) -> None:
        """The sample's graph and its verifiers, without a language model; then one explained claim."""
        result = run_quickstart(session.workspace(), progress=session.progress, say=session.say)

        def show() -> None:
            print(f"build {result.build.build_id}, {len(result.verifiers)} verifiers, {result.seconds:.0f} s")
            show_explanation(result.explained)
            root = session.root
            print(f"next: rbio-kg explain TP53 MDM2 --relation interacts_with --workspace {root}")

        session.emit(result.to_json(), show)

    @command(app, "demo")
    def demo(
        session: Session,
        sources: SourcesOption = None,
        store: StoreOption = None,
        model: Annotated[str | None, typer.Option("--model", help="smollm2, a folder or a hub id.")] = None,
        fresh: Annotated[
            bool, typer.Option("--fresh", help="Start over: graph, verifiers and the demo's runs.")
        ] = False,
    ) -> None:
        """The main job end to end: sources, graph, verifiers, reward, policy, evaluation, evidence, report."""
        workspace = session.workspace(sources=sources, store=store, model=model)
        result = run_demo(workspace, fresh=fresh, progress=session.progress, say=session.say, keep=session.keep)
        session.emit(result.to_json(), lambda: show_demo(result))
