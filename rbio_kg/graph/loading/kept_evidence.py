"""Saves the evidence of runs to a file while the graph is replaced, and restores it afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import ClaimError, StoreError
from rbio_kg.core.progress import Progress
from rbio_kg.graph.loading.evidence import RunEvidence, stated_key, write_evidence
from rbio_kg.graph.store.store import COUNT_SECONDS, GraphStore

_VERDICT = ("id", "verifier", "score", "status", "reason")
_CITATION = ("rank", "side", "path", "weight", "type")


def keep_evidence(store: GraphStore, path: Path) -> None:
    """Write the evidence of every run in the store to a file, merged with that of an earlier attempt.

    Raises:
        StoreError: the store fails, or the file is there and cannot be read.
    """
    kept = {item.run["id"]: item for item in _read(path)}
    for row in store.query("MATCH (r:Run) RETURN properties(r) AS run ORDER BY r.id"):
        found = _of_run(store, row["run"])
        before = kept.get(found.run["id"])
        if before is not None:
            found.claims = before.claims | found.claims
            found.verdicts = before.verdicts | found.verdicts
            found.citations = list({_citation_key(row): row for row in (*before.citations, *found.citations)}.values())
            found.stated = before.stated | found.stated
        kept[found.run["id"]] = found
    if kept:
        write_text(path, "".join(json.dumps(item.to_json(), ensure_ascii=False) + "\n" for item in kept.values()))


def restore_evidence(store: GraphStore, path: Path, progress: Progress) -> dict[str, int]:
    """Restore the saved evidence, and remove the file. Citations of nodes that the new graph lacks are dropped.

    Returns:
        `claims`, `verdicts`, `citations`, `statements` restored, and `missing` ones; all 0 if nothing was saved.

    Raises:
        StoreError: the store fails, or the file cannot be read.
    """
    total = {"claims": 0, "verdicts": 0, "citations": 0, "statements": 0, "missing": 0}
    for item in _read(path):
        for name, count in write_evidence(store, item, progress).items():
            total[name] += count
    path.unlink(missing_ok=True)
    return total


def _of_run(store: GraphStore, run: dict[str, Any]) -> RunEvidence:
    found = RunEvidence(run)

    def rows(statement: str) -> list[dict[str, Any]]:
        return store.query(statement, {"id": run["id"]}, timeout=COUNT_SECONDS)

    for row in rows(
        "MATCH (:Run {id: $id})-[p:PRODUCED]->(v:Verdict)-[:JUDGES]->(c:Claim) "
        "RETURN properties(c) AS claim, properties(v) AS verdict, properties(p) AS times ORDER BY v.id"
    ):
        claim, verdict = row["claim"], row["verdict"]
        found.claims[claim["id"]] = _claim(claim)
        found.verdicts[verdict["id"]] = {
            **{name: verdict.get(name) for name in _VERDICT},
            "reward": None,
            **row["times"],
            "claim": claim["id"],
        }
    for row in rows(
        "MATCH (:Run {id: $id})-[:PRODUCED]->(v:Verdict)-[c:CITES]->(n) "
        "RETURN v.id AS verdict, properties(c) AS citation, labels(n)[0] AS label, "
        "coalesce(n.symbol, n.id, n.name) AS key ORDER BY verdict, c.rank, c.side"
    ):
        citation = {name: row["citation"].get(name) for name in _CITATION}
        found.citations.append({"verdict": row["verdict"], "label": row["label"], "key": row["key"], **citation})
    for row in rows(
        "MATCH (:Run {id: $id})-[s:STATED]->(c:Claim) RETURN properties(c) AS claim, properties(s) AS statement "
        "ORDER BY c.id, s.finding, s.polarity, s.certainty"
    ):
        key = row["claim"]["id"]
        found.claims[key] = _claim(row["claim"])
        stated = {"claim": key, **row["statement"]}
        found.stated[stated_key(stated)] = stated
    return found


def _claim(properties: dict[str, Any]) -> Claim:
    return Claim(properties["subject"], properties["relation"], properties["object"], properties["cell_line"] or None)


def _citation_key(citation: dict[str, Any]) -> tuple[Any, ...]:
    return citation["verdict"], citation["rank"], citation["side"]


def _read(path: Path) -> list[RunEvidence]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(path, error) from error
    found = []
    for line in lines:
        try:
            found.append(RunEvidence.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, ClaimError) as error:
            raise _unreadable(path, error) from error
    return found


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"the saved evidence of runs cannot be read ({error})",
        where=path,
        hint="remove the file, and load the evidence again with rbio-kg evidence load RUN",
    )
