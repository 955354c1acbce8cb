"""Human names of genes, terms and pathways, as far as a snapshot knows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rbio_kg.core.claims import Verdict


def cited_keys(verdicts: Iterable[Verdict]) -> set[str]:
    """The keys of all nodes that the verdicts cite."""
    return {node.key for verdict in verdicts for element in verdict.evidence for node in (element.start, element.end)}


def human_names(snapshot_dir: Path | None, keys: Iterable[str]) -> dict[str, str]:
    """Names by key; without a snapshot, or for a key that it does not know, there is none.

    Raises:
        SnapshotError: the snapshot is missing or corrupt.
    """
    if snapshot_dir is None:
        return {}
    from rbio_kg.graph.snapshot.snapshot import Snapshot

    snapshot = Snapshot.open(snapshot_dir)
    kinds = (
        (snapshot.genes, snapshot.gene_names),
        (snapshot.terms, snapshot.term_names),
        (snapshot.pathways, snapshot.pathway_names),
    )
    names = {}
    for key in sorted(set(keys)):
        for known, human in kinds:
            index = known.index(key)
            if index >= 0 and human[index]:
                names[key] = human[index]
                break
    return names
