"""The evidence of a run: read from its folder, and loaded into the graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rbio_kg.core.claims import Claim, Evidence, Verdict
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.loading.evidence import RunEvidence, stated_key, write_evidence
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.training.runs.rollout_file import CheckedStatement, iterate_rollouts
from rbio_kg.training.runs.run_folder import Run


def load_evidence(store: GraphStore, folder: Path, progress: Progress | None = None) -> dict[str, int]:
    """Write a run's claims, verdicts and citations into the store. Loading a run again changes nothing.

    Args:
        store: opened to write; it must hold a complete graph.
        folder: the run's folder.
        progress: called with each step and the share done.

    Returns:
        `claims`, `verdicts`, `citations` and `statements` (different ones) that this run has in the graph, and
        `missing`: citations and ends of claims that name a node which the graph does not have; those are left out.

    Raises:
        TrainingError: there is no such run, or a file of it cannot be read.
        StoreError: the store fails.
    """
    store.check()
    return write_evidence(store, read_evidence(folder), progress or silent)


def read_evidence(folder: Path) -> RunEvidence:
    """What the rollouts of a run say, each thing once.

    Raises:
        TrainingError: there is no such run, or a file of it cannot be read.
    """
    run = Run(folder)
    manifest = run.manifest
    evidence = RunEvidence(
        {
            "id": f"{manifest.name} {manifest.started}".strip(),
            "name": manifest.name,
            "kind": manifest.kind,
            "build_id": manifest.build_id,
            "started": manifest.started,
            "simulated": manifest.simulated,
        }
    )
    rewards: dict[str, list[float]] = {}
    for rollout in iterate_rollouts(run.rollouts):
        for verdict in rollout.verdicts:
            key = _add_verdict(evidence, rollout.claim, rollout.step, verdict)
            if rollout.reward is not None:
                rewards.setdefault(key, []).append(rollout.reward)
        _add_statements(evidence, rollout.statements or ())
    for key, row in evidence.verdicts.items():
        row["reward"] = fmean(rewards[key]) if key in rewards else None
    return evidence


def _add_verdict(evidence: RunEvidence, claim: Claim, step: int, verdict: Verdict) -> str:
    """Add one verdict on a claim; its id. Equal verdicts of one verifier are one, with the completions counted."""
    content = json.dumps(verdict.to_json(), sort_keys=True)
    text = "\t".join((evidence.run["id"], claim.id, verdict.verifier, content))
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    evidence.claims.setdefault(claim.id, claim)
    known = evidence.verdicts.get(key)
    if known is not None:
        known["completions"] += 1
        known["first_step"] = min(known["first_step"], step)
        known["last_step"] = max(known["last_step"], step)
        return key
    evidence.verdicts[key] = {
        "id": key,
        "claim": claim.id,
        "completions": 1,
        "first_step": step,
        "last_step": step,
        "verifier": verdict.verifier,
        "score": verdict.score,
        "status": str(verdict.status),
        "reason": verdict.reason,
    }
    for rank, element in enumerate(verdict.evidence):
        evidence.citations += _citations(key, rank, element)
    return key


def _citations(verdict: str, rank: int, element: Evidence) -> list[dict[str, Any]]:
    """The citations of the two ends of one cited relationship."""
    shared = {"verdict": verdict, "rank": rank, "path": element.path, "weight": element.weight, "type": element.type}
    ends = (("start", element.start), ("end", element.end))
    return [{**shared, "side": side, "label": node.label, "key": node.key} for side, node in ends]


def _add_statements(evidence: RunEvidence, statements: Sequence[CheckedStatement]) -> None:
    """Add what one completion states, each thing once."""
    stated = {}
    for item in statements:
        claim = Claim(item.subject, item.relation, item.object)
        evidence.claims.setdefault(claim.id, claim)
        row = {
            "claim": claim.id,
            "finding": item.verdict,
            "polarity": item.polarity,
            "certainty": item.certainty,
        }
        stated[stated_key(row)] = row
    for key, row in stated.items():
        evidence.stated.setdefault(key, {**row, "completions": 0})["completions"] += 1
