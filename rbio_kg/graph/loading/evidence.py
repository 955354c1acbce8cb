"""A run's evidence in the graph: (Run)-[:PRODUCED]->(Verdict)-[:JUDGES]->(Claim), and what each verdict CITES.

Equal verdicts of one verifier on one claim are one node; `PRODUCED.completions` counts the completions that got it and
`PRODUCED.reward` is what they earned, their mean. (Run)-[:STATED]->(Claim) is what completions stated about genes, with
what the graph says of it. Everything is merged on ids, so that loading a run again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.core.errors import ClaimError, StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.loading.cypher_load import constrain
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES_BY_LABEL
from rbio_kg.graph.store.store import GraphStore

_ROWS = 5_000
_COLUMNS = ["step", "subject", "relation", "object", "cell_line", "verdicts"]
_MORE = ["reward", "statements"]
"""Columns that not every run has."""


@dataclass
class RunEvidence:
    """What one run says, each thing once.

    Args:
        run: properties of the Run node, `id` among them.
        claims: by id.
        verdicts: by id; the Verdict's properties, its `claim`, and `completions`, `first_step`, `last_step`,
            `reward` (None where nothing was paid).
        citations: `verdict`, `rank`, `side`, `path`, `weight`, `type`, and the `label` and `key` of what is cited.
        stated: by `stated_key`; `claim`, `finding`, `polarity`, `certainty` and `completions`.
    """

    run: dict[str, Any]

    claims: dict[str, Claim] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    citations: list[dict[str, Any]] = field(default_factory=list)
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_evidence(store: GraphStore, run_dir: Path, progress: Progress | None = None) -> dict[str, int]:
    """Write a run's claims, verdicts and citations into the store.

    Args:
        store: opened to write; it must hold a whole graph.
        run_dir: the run's folder, with `manifest.json` and `rollouts/*.parquet`.
        progress: told each step and the share done.

    Returns:
        `claims`, `verdicts`, `citations` and `statements` (different ones) that this run has in the graph, and
        `missing`: citations and ends of claims that name a node which the graph does not have; those are left out.

    Raises:
        StoreError: no such run, a file of it is unreadable, or the store fails.
    """
    tell = progress or (lambda message, share: None)
    store.check()
    return write_evidence(store, _read_rollouts(run_dir, _read_run(run_dir)), tell)


def write_evidence(store: GraphStore, evidence: RunEvidence, tell: Progress) -> dict[str, int]:
    """Merge what a run says into the store; the counts that `load_evidence` returns."""
    run = evidence.run
    constrain(store, EVIDENCE_NODES)
    columns = ", ".join(f"r.{key} = $run.{key}" for key in run if key != "id")
    store.write(f"MERGE (r:Run {{id: $run.id}}) SET {columns}", run=run)

    ends = _ends(evidence.claims)
    present = _present(store, [*ends, *evidence.citations])
    kept_ends = [row for row in ends if (row["label"], row["key"]) in present]
    kept = [row for row in evidence.citations if (row["label"], row["key"]) in present]
    total = len(evidence.claims) + len(evidence.verdicts) + len(evidence.stated) + len(kept_ends) + len(kept) or 1
    done = 0

    def send(statement: str, rows: Sequence[dict[str, Any]], **values: Any) -> None:
        nonlocal done
        for batch in _batches(rows):
            store.write(statement, rows=batch, **values)
            done += len(batch)
            tell(f"evidence: {done:,} of {total:,} elements", done / total)

    send(
        "UNWIND $rows AS row MERGE (c:Claim {id: row.id}) SET c.subject = row.subject, c.relation = row.relation, "
        "c.object = row.object, c.cell_line = row.cell_line",
        [_claim_row(key, claim) for key, claim in evidence.claims.items()],
    )
    send(
        "UNWIND $rows AS row MATCH (r:Run {id: $run}) MATCH (c:Claim {id: row.claim}) MERGE (v:Verdict {id: row.id}) "
        "SET v.verifier = row.verifier, v.score = row.score, v.status = row.status, v.reason = row.reason "
        "MERGE (v)-[:JUDGES]->(c) MERGE (r)-[p:PRODUCED]->(v) "
        "SET p.completions = row.completions, p.first_step = row.first_step, p.last_step = row.last_step, "
        "p.reward = row.reward",
        list(evidence.verdicts.values()),
        run=run["id"],
    )
    send(
        "UNWIND $rows AS row MATCH (r:Run {id: $run}) MATCH (c:Claim {id: row.claim}) MERGE (r)-[s:STATED "
        "{finding: row.finding, polarity: row.polarity, certainty: row.certainty}]->(c) "
        "SET s.completions = row.completions",
        list(evidence.stated.values()),
        run=run["id"],
    )
    for kind in ("SUBJECT", "OBJECT"):
        for label, rows in _by_label([row for row in kept_ends if row["kind"] == kind]):
            send(
                f"UNWIND $rows AS row MATCH (c:Claim {{id: row.claim}}) "
                f"MATCH (n:{label} {{{NODES_BY_LABEL[label].key}: row.key}}) MERGE (c)-[:{kind}]->(n)",
                rows,
            )
    for label, rows in _by_label(kept):
        send(
            f"UNWIND $rows AS row MATCH (v:Verdict {{id: row.verdict}}) "
            f"MATCH (n:{label} {{{NODES_BY_LABEL[label].key}: row.key}}) "
            "MERGE (v)-[c:CITES {rank: row.rank, side: row.side}]->(n) "
            "SET c.path = row.path, c.weight = row.weight, c.type = row.type",
            rows,
        )
    return {
        "claims": len(evidence.claims),
        "verdicts": len(evidence.verdicts),
        "citations": len(kept),
        "statements": len(evidence.stated),
        "missing": len(ends) + len(evidence.citations) - len(kept_ends) - len(kept),
    }


def _read_run(run_dir: Path) -> dict[str, Any]:
    path = run_dir / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        name = str(manifest["name"])
    except FileNotFoundError:
        raise StoreError("there is no such run", where=path, hint="rbio-kg runs list shows them") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the run's manifest cannot be read ({error!r})", where=path) from error
    started = str(manifest.get("started") or "")
    return {
        "id": f"{name} {started}".strip(),
        "name": name,
        "kind": str(manifest.get("kind") or "training"),
        "build_id": str(manifest.get("build_id") or ""),
        "started": started,
        "simulated": bool(manifest.get("simulated")),
    }


def _read_rollouts(run_dir: Path, run: dict[str, Any]) -> RunEvidence:
    found = RunEvidence(run)
    paid: dict[str, list[float]] = {}
    for path in sorted((run_dir / "rollouts").glob("*.parquet")):
        try:
            known = pl.read_parquet_schema(path)
            frame = pl.read_parquet(path, columns=[*_COLUMNS, *(name for name in _MORE if name in known)])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"the rollouts cannot be read ({str(error).splitlines()[0]})", where=path, hint="restore or remove it"
            ) from error
        for number, row in enumerate(frame.iter_rows(named=True), start=1):
            try:
                claim = Claim(row["subject"], row["relation"], row["object"], row["cell_line"])
                for verdict in json.loads(row["verdicts"] or "[]"):
                    key = _note(found, claim, int(row["step"]), verdict)
                    if row.get("reward") is not None:
                        paid.setdefault(key, []).append(float(row["reward"]))
                _note_stated(found, json.loads(row.get("statements") or "[]"))
            except (ValueError, KeyError, TypeError, ClaimError) as error:
                raise StoreError(f"row {number} is not a rollout with verdicts ({error!r})", where=path) from error
    for key, verdict in found.verdicts.items():
        verdict["reward"] = fmean(paid[key]) if key in paid else None
    return found


def stated_key(row: dict[str, Any]) -> str:
    """What tells one statement of a run from another."""
    return " ".join(row[name] for name in ("claim", "finding", "polarity", "certainty"))


def _note_stated(found: RunEvidence, statements: Sequence[dict[str, Any]]) -> None:
    """Add what one completion states, each thing once."""
    said = {}
    for item in statements:
        claim = Claim(item["subject"], item["relation"], item["object"])
        found.claims.setdefault(claim.id, claim)
        row = {name: item[name] for name in ("polarity", "certainty")}
        row |= {"claim": claim.id, "finding": item["verdict"]}
        said[stated_key(row)] = row
    for key, row in said.items():
        found.stated.setdefault(key, {**row, "completions": 0})["completions"] += 1


def _note(found: RunEvidence, claim: Claim, step: int, verdict: dict[str, Any]) -> str:
    """Add a verdict; its id."""
    content = json.dumps(verdict, sort_keys=True)
    text = "\t".join((found.run["id"], claim.id, str(verdict["verifier"]), content))
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    found.claims.setdefault(claim.id, claim)
    known = found.verdicts.get(key)
    if known is not None:
        known["completions"] += 1
        known["first_step"] = min(known["first_step"], step)
        known["last_step"] = max(known["last_step"], step)
        return key
    found.verdicts[key] = {
        "id": key,
        "claim": claim.id,
        "completions": 1,
        "first_step": step,
        "last_step": step,
        **{name: verdict[name] for name in ("verifier", "score", "status", "reason")},
    }
    for rank, element in enumerate(verdict["evidence"]):
        for side in ("start", "end"):
            found.citations.append(
                {
                    "verdict": key,
                    "rank": rank,
                    "side": side,
                    "path": int(element["path"]),
                    "weight": float(element["weight"]),
                    "type": str(element["type"]),
                    "label": str(element[side]["label"]),
                    "key": str(element[side]["key"]),
                }
            )
    return key


def _claim_row(key: str, claim: Claim) -> dict[str, Any]:
    return {
        "id": key,
        "subject": claim.subject,
        "relation": str(claim.relation),
        "object": claim.object,
        "cell_line": claim.cell_line or "",
    }


def _ends(claims: dict[str, Claim]) -> list[dict[str, Any]]:
    """The nodes that claims are about."""
    rows = []
    for key, claim in claims.items():
        label = "Gene"
        if claim.relation == Relation.TAKES_PART_IN:
            label = "GoTerm" if claim.object.startswith("GO:") else "Pathway"
        rows.append({"claim": key, "kind": "SUBJECT", "label": "Gene", "key": claim.subject})
        rows.append({"claim": key, "kind": "OBJECT", "label": label, "key": claim.object})
    return rows


def _present(store: GraphStore, rows: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Which of the named nodes the graph has. A label that the schema does not know has none."""
    found = set()
    for label, named in _by_label([row for row in rows if row["label"] in NODES_BY_LABEL]):
        node = NODES_BY_LABEL[label]
        for batch in _batches([{"key": key} for key in sorted({row["key"] for row in named})]):
            answer = store.query(
                f"UNWIND $rows AS row MATCH (n:{label} {{{node.key}: row.key}}) RETURN n.{node.key} AS key",
                rows=batch,
            )
            found |= {(label, row["key"]) for row in answer}
    return found


def _by_label(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for label in sorted({row["label"] for row in rows}):
        yield label, [row for row in rows if row["label"] == label]


def _batches(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), _ROWS):
        yield list(rows[start : start + _ROWS])
