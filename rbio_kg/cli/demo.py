"""The main job end to end: sources, graph, verifiers, reward, policy, evaluation, evidence, report."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rbio_kg.cli.graph import SourcesOption, StoreOption
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table
from rbio_kg.services.demo import run_demo


def show_demo(document: dict[str, Any]) -> None:
    """The short table at the end."""
    simulated = "  (SIMULATED knockdown labels)" if document["sources"]["simulated"] else ""
    build = document["build"]
    print()
    show_table(
        ["built", "count"],
        [
            ("nodes", sum(build["nodes"].values())),
            ("relationships", sum(build["relationships"].values())),
            ("evidence: verdicts", document["evidence"]["verdicts"]),
            ("evidence: citations", document["evidence"]["citations"]),
        ],
        title="The graph, build " + build["build_id"],
    )
    print("seconds: " + ", ".join(f"{stage} {value:.0f}" for stage, value in document["seconds"].items()))
    reused = [name for name, value in build["reused"].items() if value]
    reused += [name for name, card in document["verifiers"].items() if (card.get("fit") or {}).get("reused")]
    reused += ["policy"] if document["training"].get("reused") else []
    if reused:
        print("reused from an earlier run: " + ", ".join(reused) + " (--fresh starts over)")
    print()
    show_table(
        ["verifier", "coverage", "per-gene AUROC", "interval", "ECE", "note"],
        [
            (name, card["coverage"], card["per_gene_auroc"], card["interval"], card["ece"], card["reason"])
            for name, card in document["verifiers"].items()
        ],
        title="Verifiers on train questions, out of fold" + simulated,
    )
    print()
    stages = [
        (stage, document["training"].get(stage) or document.get(stage)) for stage in ("before", "after_warmup", "after")
    ]
    rows = [
        (
            stage.replace("_", " "),
            values["well_formed"],
            values["mean_reward"],
            values["per_gene_auroc"],
            values["interval"],
        )
        for stage, values in stages
        if values
    ]
    for name, values in document["after"]["baselines"].items():
        rows.append((f"baseline: {name}", None, None, values["per_gene_auroc"], values["interval"]))
    after = document["after"]
    show_table(
        ["policy", "well-formed", "mean reward", "per-gene AUROC", "interval"],
        rows,
        title=f"The policy on {after['rows']:,} test questions, {after['genes']} genes{simulated}",
    )
    print()
    print(f"In Cypher: {document['query']['purpose']}")
    print(document["query"]["cypher"].strip())
    show_rows(document["query"]["rows"])
    print()
    print(f"report: {document['report']}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

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
        document = run_demo(workspace, fresh=fresh, progress=session.progress, say=session.say, keep=session.keep)
        session.emit(document, lambda: show_demo(document))
