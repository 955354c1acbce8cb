"""Writing the report: everything is read and laid out here, and the templates only put it down."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rbio_kg.core.atomic_io import write_bytes
from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Status, Verdict
from rbio_kg.core.errors import ReportError
from rbio_kg.report import phrases
from rbio_kg.report.citations import Citation, citations
from rbio_kg.report.curves import curves
from rbio_kg.report.evidence_picture import WIDTH as PICTURE_WIDTH
from rbio_kg.report.evidence_picture import Picture, draw
from rbio_kg.report.examples import KINDS, Example, choose
from rbio_kg.report.names import cited_keys, human_names
from rbio_kg.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from rbio_kg.report.reasoning import reasoning_view
from rbio_kg.report.results import POOLED, finding, headlines, results, whiskers
from rbio_kg.report.run_data import RunData, read_run
from rbio_kg.report.scorecards import SIDE, read_scorecards
from rbio_kg.training.prompts.parser import parse_completion

_SHOWN_ABOVE = {
    *("name", "kind", "started", "build_id", "version", "seeds", "config", "simulated", "status", "result", "alarms")
}
"""Keys of a run's manifest that have a place of their own, or (its result) are no setting."""


@dataclass(frozen=True)
class ScoredVerdict:
    """One verdict of an example, with what it cites in words."""

    verdict: Verdict
    name: str
    simulated: bool
    citations: tuple[Citation, ...]

    @property
    def of_what(self) -> str:
        """What the score is the probability, or the degree, of."""
        return "for the reasoning" if self.verdict.verifier in phrases.TEXT_VERIFIERS else "that it holds"


@dataclass(frozen=True)
class ExampleView:
    """One example as the page shows it."""

    number: int
    example: Example
    kind: str
    sentence: str
    prompt: str
    text: str
    problem: str
    scored: tuple[ScoredVerdict, ...]
    picture: Picture | None


def write_report(
    run_dir: Path,
    out: Path,
    *,
    snapshot_dir: Path | None = None,
    scorecards: Mapping[str, Mapping[str, Any]] | None = None,
    build: Mapping[str, Any] | None = None,
    stale: Sequence[str] = (),
) -> Path:
    """Write one self-contained HTML page about a run. The same inputs give the same bytes.

    Args:
        run_dir: the run's folder.
        out: the file to write; replaced as a whole or not at all.
        snapshot_dir: the graph's snapshot, for the names of terms, pathways and genes; without it the ids are shown.
        scorecards: by verifier name, the JSON of `verifiers card`.
        build: the JSON of the graph build's manifest (sources with licences, counts).
        stale: sentences on what rests on another build; shown at the top.

    Returns:
        `out`.

    Raises:
        ReportError: the run folder is missing or corrupt, or the file cannot be written.
        SnapshotError: a snapshot is named, but missing or corrupt.
    """
    _check_mappings(scorecards, build)
    run = read_run(run_dir)
    run = replace(run, remarks=(*run.remarks, *(f"Stale: {reason}." for reason in stale)))
    page = _environment().get_template("report.html.j2").render(**_contents(run, snapshot_dir, scorecards or {}, build))
    _write(out, page)
    return out


def _check_mappings(scorecards: Any, build: Any) -> None:
    """Scorecards and the build's manifest often come from files: say so when they are something else."""
    if build is not None and not isinstance(build, Mapping):
        raise ReportError(f"the build's manifest is a {type(build).__name__}, not a JSON object")
    for key in ("nodes", "relationships", "options"):
        if build is not None and not isinstance(build.get(key) or {}, Mapping):
            raise ReportError(f"{key} is not a JSON object", where="the build's manifest", hint="run rbio-kg build")
    for name, card in (scorecards or {}).items():
        if not isinstance(card, Mapping):
            raise ReportError(
                "is not a JSON object", where=f"the scorecard of {name}", hint=f"run rbio-kg verifiers card {name}"
            )


def _environment() -> Environment:
    """Everything is escaped: what models and files say is shown, never obeyed."""
    environment = Environment(
        loader=PackageLoader("rbio_kg.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "digits": phrases.digits,
        "count": phrases.count,
        "percent": phrases.percent,
        "visible": phrases.visible,
        "setting": phrases.setting,
        "web_address": web_address,
    }
    return environment


def _contents(
    run: RunData,
    snapshot_dir: Path | None,
    scorecards: Mapping[str, Mapping[str, Any]],
    build: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What the templates are given."""
    chosen = choose(run)
    keys = {key for example in chosen for key in cited_keys(example.rollout.verdicts)}
    names = human_names(snapshot_dir, keys | {example.rollout.claim.object for example in chosen})
    sources = [source for source in (build or {}).get("sources") or () if isinstance(source, Mapping)]
    simulated = run.simulated or any(bool(source.get("simulated")) for source in sources)
    rows = results(run.evaluations)
    charts = curves(run)
    manifest = run.manifest
    config = manifest.get("config")
    config = config if isinstance(config, Mapping) else {}
    return {
        "run": run,
        "manifest": manifest,
        "simulated": simulated,
        "model": _model(config.get("model")),
        "settings": phrases.settings(config),
        "further": phrases.settings({key: manifest[key] for key in manifest if key not in _SHOWN_ABOVE}),
        "seeds": _seeds(manifest.get("seeds")),
        "build": build,
        "sources": sources,
        "results": rows,
        "whiskers": whiskers(rows),
        "headlines": headlines(run.evaluations),
        "finding": finding(run.evaluations, simulated=simulated),
        "pooled": [
            (key, head) for key, head in POOLED if any(row.pooled[key] is not None for row in rows)
        ],
        "reasoning": reasoning_view(run.reasoning, simulated=simulated),
        "charts": charts,
        "alarms": alarms(manifest.get("alarms")),
        "tiles": [chart for chart in charts if chart.id in ("curve-reward", "curve-well-formed", "curve-yes")],
        "cards": read_scorecards(scorecards, simulated=simulated),
        "examples": [_view(number, example, names, simulated) for number, example in enumerate(chosen, start=1)],
        "rollouts": run.rollouts.height,
        "commands": commands(run.name, build),
        "glossary": phrases.GLOSSARY,
        "size": {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP,
                 "bottom": HEIGHT - BOTTOM, "side": SIDE, "picture": PICTURE_WIDTH},
    }  # fmt: skip


def _view(number: int, example: Example, names: Mapping[str, str], simulated: bool) -> ExampleView:
    rollout = example.rollout
    return ExampleView(
        number,
        example,
        KINDS[example.kind],
        phrases.claim_sentence(rollout.claim, names),
        phrases.excerpt(rollout.prompt),
        phrases.excerpt(rollout.completion),
        "" if rollout.answer else unparsed_because(rollout.completion),
        tuple(
            ScoredVerdict(
                verdict,
                phrases.visible(phrases.VERIFIERS.get(verdict.verifier, verdict.verifier.replace("_", " "))),
                simulated and _rests_on_labels(rollout.claim, verdict),
                tuple(citations(verdict, names)),
            )
            for verdict in rollout.verdicts
        ),
        draw(f"evidence-{number}", rollout.claim, rollout.verdicts, names),
    )


def _rests_on_labels(claim: Claim, verdict: Verdict) -> bool:
    """Whether a score comes from knockdown labels: text is checked against the graph alone."""
    scored = verdict.status is Status.OK
    return scored and claim.relation in KNOCKDOWN_RELATIONS and verdict.verifier not in phrases.TEXT_VERIFIERS


def alarms(found: Any) -> list[dict[str, str]]:
    """The alarms of a manifest, as the page shows them; what is none is left out."""
    listed = found if isinstance(found, Sequence) and not isinstance(found, str) else ()
    return [
        {"step": phrases.setting(alarm.get("step")), "message": str(alarm["message"])}
        for alarm in listed
        if isinstance(alarm, Mapping) and alarm.get("message")
    ]


def _model(settings: Any) -> Any:
    """The language model's name, whether the recipe gives it alone or with more settings."""
    return settings.get("name") if isinstance(settings, Mapping) else settings


def unparsed_because(text: str) -> str:
    """Why the strict parser could not read a completion, in a word or two."""
    problem = parse_completion(text, require_confidence=True).problem
    return (problem or "not stated").replace("_", " ")


def _seeds(seeds: Any) -> str:
    if isinstance(seeds, Mapping):
        return ", ".join(f"{name} {phrases.setting(seeds[name])}" for name in sorted(seeds))
    return phrases.setting(seeds)


def web_address(text: Any) -> str:
    """The text where it is a plain web address that a reader may follow, else nothing."""
    address = str(text or "")
    return address if address.startswith(("https://", "http://")) else ""


def commands(name: str, build: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """How to make the run again: (command, what it does)."""
    options = (build or {}).get("options")
    score = options.get("min_score") if isinstance(options, Mapping) else None
    run = shlex.quote(phrases.visible(name))
    least = "" if phrases.number(score) is None else f" --min-score {phrases.number(score):g}"
    return [
        (f"rbio-kg build --sources DIR{least}", "the graph, from the sources listed above; the same sources and "
         "options give the same build id"),
        ("rbio-kg train link-predictor && rbio-kg train expression", "the verifiers that are fitted"),
        (f"rbio-kg train policy --config FILE --name {run}-again", "the policy, with the settings listed above "
         "in FILE"),
        (f"rbio-kg evaluate policy {run}-again --json", "the evaluation"),
        (f"rbio-kg evidence load {run}-again", "its claims, verdicts and citations into the graph, for Cypher"),
        (f"rbio-kg report {run}-again", "this page"),
    ]  # fmt: skip


def _write(out: Path, page: str) -> None:
    """Replace `out` as a whole."""
    try:
        write_bytes(out, page.encode("utf-8", "replace"))
    except OSError as error:
        hint = "choose another place with --out"
        raise ReportError(f"cannot be written ({error.strerror or error})", where=out, hint=hint) from error
