"""The demonstration: every stage of the pipeline in one call."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress, silent
from rbio_kg.services.build import build_graph_and_store
from rbio_kg.services.fit import FITTED, fit_verifiers
from rbio_kg.services.report import write_run_report
from rbio_kg.services.scorecards import all_scorecards
from rbio_kg.services.train import train_policy

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


EVIDENCE_QUERY = "disagreements"


def choose_sources(workspace: WorkspaceBase) -> tuple[Path, str]:
    """The setting, else what `fetch` brought, else the shipped sample; and a word on which it is."""
    from rbio_kg.graph_builders.sample.sample import sample_directory

    if workspace.settings.sources is not None:
        return workspace.settings.sources.absolute(), f"named by {workspace.loaded.origins['sources']}"
    if workspace.has_fetched:
        return workspace.paths.sources, "downloaded by fetch"
    return sample_directory(), "the shipped sample; its knockdown labels are SIMULATED"


def _start_over(workspace: WorkspaceBase) -> None:
    for folder in (workspace.paths.graph, *(workspace.model_folder(name) for name in FITTED)):
        shutil.rmtree(folder, ignore_errors=True)
    for file in ("fitted.json", "scorecards.json"):
        (workspace.paths.models / file).unlink(missing_ok=True)
    for run in workspace.paths.runs.glob("demo-*"):
        shutil.rmtree(run)


def run_demo(
    workspace: WorkspaceBase,
    *,
    fresh: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None],
    keep: Callable[[str], None],
) -> dict[str, Any]:
    """Every stage, one after the other; what is finished is reused.

    Args:
        workspace: where everything is written.
        fresh: start over: graph, verifiers and the demo's runs.
        progress: called with a message and the finished share.
        say: called with a line about each stage.
        keep: called with what an interruption from now on leaves, and how to go on.

    Returns:
        The document of the command `demo`.
    """
    from rbio_kg.graph.store.queries import named_queries
    from rbio_kg.services.evidence import load_evidence
    from rbio_kg.training.pipeline.train import TrainingOptions

    clock = time.perf_counter()
    seconds: dict[str, float] = {}

    def lap(stage: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[stage] = round(now - clock, 1)
        clock = now

    if fresh:
        _start_over(workspace)
    sources, which = choose_sources(workspace)
    say(f"1/6 sources: {sources} ({which})")
    build = build_graph_and_store(workspace, sources=sources, progress=progress, keep=keep)
    lap("graph")
    say("2/6 verifiers")
    fits = fit_verifiers(workspace, progress=progress, say=say)
    cards = all_scorecards(workspace, progress)
    lap("verifiers")
    name = f"demo-{workspace.build_id[:8]}"
    say(f"3/6 policy: warm-up and GRPO, run {name}")
    keep("the last checkpoint is kept; run rbio-kg demo again to go on from it")
    result = train_policy(workspace, name=name, options=TrainingOptions(resume=True), progress=progress)
    training = {"run": name} if result is None else plain(result.to_json())
    lap("policy")
    say("4/6 evidence into the graph")
    with workspace.open_store(read_only=False) as store:
        evidence = load_evidence(store, workspace.paths.run(name), progress)
    lap("evidence")
    say("5/6 a question to the graph")
    query = named_queries()[EVIDENCE_QUERY]
    rows = workspace.store.query(query.cypher, query.values(), limit=5)
    say("6/6 report")
    report = write_run_report(workspace, name)
    lap("report")
    return {
        "sources": {"folder": str(sources), "which": which, "simulated": build.simulated},
        "build": build.to_json(),
        "verifiers": {key: {**card, "fit": fits.get(key)} for key, card in cards.items()},
        "training": training,
        "before": training["before"],
        "after": training["after"],
        "evidence": evidence,
        "query": {"name": query.name, "purpose": query.purpose, "cypher": query.cypher, "rows": rows},
        "seconds": seconds,
        "report": str(report),
    }
