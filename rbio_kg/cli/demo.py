"""The main job end to end: sources, graph, verifiers, reward, policy, evaluation, evidence, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.build import build_graph_and_store
from rbio_kg.cli.graph import SourcesOption, StoreOption
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace

FITTED = ("graph_path", "link_predictor", "expression")

EVIDENCE_QUERY = "disagreements"


def choose_sources(workspace: Workspace) -> tuple[Path, str]:
    """The setting, else what `fetch` brought, else the shipped sample; and a word on which it is."""
    from rbio_kg.graph_builders.sample.sample import sample_directory

    if workspace.settings.sources is not None:
        return workspace.settings.sources.absolute(), f"named by {workspace.loaded.origins['sources']}"
    if workspace.has_fetched:
        return workspace.paths.sources, "downloaded by fetch"
    return sample_directory(), "the shipped sample; its knockdown labels are SIMULATED"


def fit_verifiers(workspace: Workspace, session: Session) -> dict[str, Any]:
    """Fit the three learned verifiers, unless they were fitted on this very build."""
    from rbio_kg.cli import train
    from rbio_kg.cli.policy_run import read_recipe

    seed = workspace.settings.seed
    line = read_recipe(workspace, None).questions.cell_line  # the others only lend it their labels
    fits: dict[str, Callable[[], dict[str, Any]]] = {
        "graph_path": lambda: train.fit_graph_path(workspace, session.progress, seed),
        "link_predictor": lambda: train.fit_link_predictor(workspace, session.progress, seed),
        "expression": lambda: train.fit_expression(
            workspace, session.progress, seed, cell_lines=[line] if line else None
        ),
    }
    stamp = workspace.paths.models / "fitted.json"
    known = json.loads(stamp.read_text(encoding="utf-8")) if stamp.is_file() else {}
    wanted = {"build_id": workspace.build_id, "seed": seed}
    done: dict[str, Any] = {}
    for name, fit in fits.items():
        if known.get(name) == wanted and workspace.model_folder(name).is_dir():
            done[name] = {"seconds": 0.0, "reused": True}
            continue
        from rbio_kg.core.atomic_io import write_text

        started = time.perf_counter()
        session.say(f"fitting {name}")
        fit()
        done[name] = {"seconds": round(time.perf_counter() - started, 1), "reused": False}
        known[name] = wanted
        write_text(stamp, json.dumps(known, indent=1))
    return done


def _start_over(workspace: Workspace) -> None:
    for folder in (workspace.paths.graph, *(workspace.model_folder(name) for name in FITTED)):
        shutil.rmtree(folder, ignore_errors=True)
    for file in ("fitted.json", "scorecards.json"):
        (workspace.paths.models / file).unlink(missing_ok=True)
    for run in workspace.paths.runs.glob("demo-*"):
        shutil.rmtree(run)


def run_demo(session: Session, fresh: bool, **flags: Any) -> dict[str, Any]:
    """All stations, one after the other; what is finished is reused."""
    from rbio_kg.cli.policy_run import run_policy
    from rbio_kg.cli.runs import write_run_report
    from rbio_kg.cli.scorecards import all_scorecards
    from rbio_kg.graph.loading.evidence import load_evidence
    from rbio_kg.graph.store.queries import named_queries

    clock = time.perf_counter()
    seconds: dict[str, float] = {}

    def lap(stage: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[stage] = round(now - clock, 1)
        clock = now

    workspace = session.workspace(**flags)
    if fresh:
        _start_over(workspace)
    sources, which = choose_sources(workspace)
    session.say(f"1/6 sources: {sources} ({which})")
    build = build_graph_and_store(session, **{**flags, "sources": sources})
    workspace = session.workspace(**{**flags, "sources": sources})
    lap("graph")
    session.say("2/6 verifiers")
    fits = fit_verifiers(workspace, session)
    cards = all_scorecards(workspace, session.progress)
    lap("verifiers")
    name = f"demo-{workspace.build_id[:8]}"
    session.say(f"3/6 policy: warm-up and GRPO, run {name}")
    session.resume = "the last checkpoint is kept; run rbio-kg demo again to go on from it"
    training = run_policy(workspace, session.progress, name=name, resume=True)
    lap("policy")
    session.say("4/6 evidence into the graph")
    with workspace.open_store(read_only=False) as store:
        evidence = load_evidence(store, workspace.paths.run(name), session.progress)
    lap("evidence")
    session.say("5/6 a question to the graph")
    query = named_queries()[EVIDENCE_QUERY]
    rows = workspace.store.query(query.cypher, query.values(), limit=5)
    session.say("6/6 report")
    report = write_run_report(workspace, name)
    lap("report")
    return {
        "sources": {"folder": str(sources), "which": which, "simulated": build["simulated"]},
        "build": build,
        "verifiers": {key: {**card, "fit": fits.get(key)} for key, card in cards.items()},
        "training": training,
        "before": training["before"],
        "after": training["after"],
        "evidence": evidence,
        "query": {"name": query.name, "purpose": query.purpose, "cypher": query.cypher, "rows": rows},
        "seconds": seconds,
        "report": str(report),
    }


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
    """Add the verb to the application."""

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
        document = run_demo(session, fresh, sources=sources, store=store, model=model)
        session.emit(document, lambda: show_demo(document))
