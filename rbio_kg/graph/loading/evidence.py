"""A run's evidence in the graph: (Run)-[:PRODUCED]->(Verdict)-[:JUDGES]->(Claim), and what each verdict CITES.

Equal verdicts of one verifier on one claim are one node. `PRODUCED.completions` counts the completions that got it, and
`PRODUCED.reward` is their mean reward. (Run)-[:STATED]->(Claim) is a statement about genes in completions, and whether
the graph supports it. Everything is merged on ids, so that loading a run again changes nothing.

This module only writes Cypher. `rbio_kg.services.evidence` reads a run's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.core.progress import Progress
from rbio_kg.graph.loading.cypher_load import constrain
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES_BY_LABEL
from rbio_kg.graph.store.store import GraphStore

_ROWS = 5_000


@dataclass
class RunEvidence:
    """The evidence of one run, without duplicates.

    Args:
        run: properties of the Run node, including `id`.
        claims: by id.
        verdicts: by id; the Verdict's properties, its `claim`, and `completions`, `first_step`, `last_step` and
            `reward` (None without rewards).
        citations: `verdict`, `rank`, `side`, `path`, `weight`, `type`, and the `label` and `key` of the cited node.
        stated: by `stated_key`; `claim`, `finding`, `polarity`, `certainty` and `completions`.
    """

    run: dict[str, Any]
    claims: dict[str, Claim] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    citations: list[dict[str, Any]] = field(default_factory=list)
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The evidence as plain JSON values."""
        claims = {
            key: [claim.subject, str(claim.relation), claim.object, claim.cell_line]
            for key, claim in self.claims.items()
        }
        rest = {"verdicts": self.verdicts, "citations": self.citations, "stated": self.stated}
        return {"run": self.run, "claims": claims, **rest}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`. Raises KeyError, TypeError or ClaimError if it is malformed."""
        claims = {key: Claim(*values) for key, values in content["claims"].items()}
        return cls(content["run"], claims, content["verdicts"], content["citations"], content["stated"])


def write_evidence(store: GraphStore, evidence: RunEvidence, progress: Progress) -> dict[str, int]:
    """Merge the evidence of a run into the store.

    Args:
        store: opened to write; it must hold a complete graph.
        evidence: of one run.
        progress: called with each step and the finished share.

    Returns:
        `claims`, `verdicts`, `citations` and `statements` (different ones) that this run has in the graph, and
        `missing`: citations and ends of claims that name a node which the graph does not have; those are left out.

    Raises:
        StoreError: the store fails.
    """
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
            progress(f"evidence: {done:,} of {total:,} elements", done / total)

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


def stated_key(row: dict[str, Any]) -> str:
    """The key of a statement within a run."""
    return " ".join(row[name] for name in ("claim", "finding", "polarity", "certainty"))


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
        if claim.relation is Relation.TAKES_PART_IN:
            label = "GoTerm" if claim.object.startswith("GO:") else "Pathway"
        rows.append({"claim": key, "kind": "SUBJECT", "label": "Gene", "key": claim.subject})
        rows.append({"claim": key, "kind": "OBJECT", "label": label, "key": claim.object})
    return rows


def _present(store: GraphStore, rows: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """The named nodes that the graph has. A label that is not in the schema has none."""
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
