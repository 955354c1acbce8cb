"""The graph as memory-mapped arrays, shared by all processes of a machine. Verifiers compute from it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import SnapshotError
from rbio_kg.graph.identity.gene_names import LABELS, GeneNames
from rbio_kg.graph.identity.identity import Identity, NameTable
from rbio_kg.graph.snapshot.arrays import Strings, read_folder, write_folder
from rbio_kg.graph.snapshot.compile import LABEL_KINDS, compile_tables
from rbio_kg.graph.snapshot.csr import Csr

KIND = "rbio-kg snapshot"
HINT = "rebuild with rbio-kg build --fresh"

__all__ = ["Csr", "Names", "Snapshot", "write_snapshot"]


def write_snapshot(tables: Mapping[str, pl.DataFrame], directory: Path, build_id: str) -> None:
    """Compile tables and write them as arrays into `directory`; the same tables give the same bytes.

    Args:
        tables: the assembled graph (`GraphTables`). No knockdown label and no question gets into the snapshot.
        directory: made if it is missing; the caller renames it when the build is complete.
        build_id: the id of the build, kept in the header.

    Raises:
        BuildError: a relationship names a node that its table does not have.
    """
    arrays, sources = compile_tables(tables)
    write_folder(Path(directory), kind=KIND, arrays=arrays, meta={"build_id": build_id, "sources": sources})


class Names:
    """The keys of one label, in ascending order, and their positions."""

    def __init__(self, keys: Strings) -> None:
        self._packed = keys

    @cached_property
    def keys(self) -> Sequence[str]:
        """All keys, ascending."""
        return list(self._packed)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {key: position for position, key in enumerate(self.keys)}

    def index(self, key: str) -> int:
        """Position of a key, -1 for an unknown one."""
        return self._positions.get(key, -1)

    def indices(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Positions of many keys, int32 (n,), -1 for unknown ones."""
        positions = self._positions
        return np.fromiter((positions.get(key, -1) for key in keys), dtype=np.int32, count=len(keys))

    def __contains__(self, key: object) -> bool:
        return key in self._positions

    def __len__(self) -> int:
        return len(self._packed)


class Snapshot:
    """One build's arrays, memory-mapped. It pickles as its directory; a worker opens it again in milliseconds.

    Example:
        snapshot = Snapshot.open(workspace.snapshot_folder)
        gene = snapshot.genes.index(snapshot.resolve("P53"))
        partners, scores = snapshot.interactions.row(gene)  # gene numbers, STRING's combined scores 0 to 1000
        names = [snapshot.genes.keys[partner] for partner in partners]

    Attributes:
        build_id: the build it was compiled from.
        directory: its folder.
        sources: names of the sources; `Csr.sources` holds positions in it.
        genes, terms, pathways: keys (symbols and ids).
        gene_names, term_names, pathway_names: names for people, in the order of the keys.
        interactions: gene x gene, symmetric; weights uint16, STRING's combined score 0 to 1000.
        channels: uint16 (entries of interactions, 7), STRING's scores in the order of `schema.STRING_CHANNELS`.
        regulates, regulated_by: gene x gene, out and in; weights int8, 1 activates, -1 represses, 0 unknown.
        annotations: gene x term, direct; weights uint8, 2 for curated or experimental evidence, 1 for
            electronic evidence (IEA) only.
        closure: gene x term with all ancestors by is_a and part_of; rows descend by information content; weights
            uint8, 1 for a direct annotation, 0 for an ancestor.
        term_genes: term x gene, `closure` transposed (ascending).
        memberships, pathway_genes: gene x pathway and back; weights uint8, 1.
        pathway_sizes: int32 (pathways,), genes in each.
        pathway_sources: uint8 (pathways,), position in `sources`.
        information_content: float32 (terms,), bits, 0 for a term that no gene has.
        term_namespaces: uint8 (terms,), position in `schema.NAMESPACES`.
        term_parents: term x term, child to parent; weights uint8, 2 is_a, 1 part_of.
    """

    def __init__(self, directory: Path, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.directory = directory
        self._arrays = arrays
        self.build_id: str = meta["build_id"]
        self.sources: Sequence[str] = tuple(meta["sources"])
        self.genes = Names(self._strings("genes"))
        self.terms = Names(self._strings("terms"))
        self.pathways = Names(self._strings("pathways"))
        self.gene_names: Sequence[str] = self._strings("gene_names")
        self.term_names: Sequence[str] = self._strings("term_names")
        self.pathway_names: Sequence[str] = self._strings("pathway_names")
        self._term_synonyms = self._strings("term_synonyms")
        self.labels: Sequence[str] = self._strings("labels")
        """Every label of a gene other than approved symbols, in ascending order."""
        self.label_genes: NDArray[np.int32] = arrays["label_genes"]
        """The gene of each label, int32 (labels,)."""
        self.label_kinds: NDArray[np.uint8] = arrays["label_kinds"]
        """Kind of each label, uint8 (labels,), position in `rbio_kg.graph.snapshot.compile.LABEL_KINDS`."""
        self.interactions = self._csr("interactions")
        self.channels: NDArray[np.uint16] = arrays["channels"]
        self.regulates = self._csr("regulates")
        self.regulated_by = self._csr("regulated_by")
        self.annotations = self._csr("annotations")
        self.closure = self._csr("closure")
        self.term_genes = self._csr("term_genes")
        self.memberships = self._csr("memberships")
        self.pathway_genes = self._csr("pathway_genes")
        self.pathway_sizes: NDArray[np.int32] = arrays["pathway_sizes"]
        self.pathway_sources: NDArray[np.uint8] = arrays["pathway_sources"]
        self.information_content: NDArray[np.float32] = arrays["information_content"]
        self.term_namespaces: NDArray[np.uint8] = arrays["term_namespaces"]
        self.term_parents = self._csr("term_parents")

    def source(self, edges: Csr, position: int) -> dict[str, str]:
        """The source of one relationship as `{"source": name}`; empty where the position or its source is unknown."""
        if edges.sources is None or position < 0 or edges.sources[position] >= len(self.sources):
            return {}
        return {"source": self.sources[edges.sources[position]]}

    @classmethod
    def open(cls, directory: Path | str, *, verify: bool = True) -> Snapshot:
        """Open what `write_snapshot` wrote.

        Args:
            directory: the snapshot's folder.
            verify: compare every file's hash with the header (some tens of milliseconds); the sizes always are.

        Raises:
            SnapshotError: it is missing, cut short, changed, or of another version.
        """
        directory = Path(directory)
        arrays, meta = read_folder(directory, kind=KIND, error=SnapshotError, hint=HINT, verify=verify)
        try:
            return cls(directory, arrays, meta)
        except (KeyError, ValueError) as cause:
            raise SnapshotError(f"the snapshot is incomplete ({cause})", where=directory, hint=HINT) from cause

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.directory,)

    @cached_property
    def identity(self) -> Identity:
        """The names of the graph's genes, terms and pathways. It takes some tenths of a second when first used."""
        others = pl.DataFrame(
            {
                "label": list(self.labels),
                "symbol": pl.Series(self.genes.keys, dtype=pl.String).gather(self.label_genes),
                "kind": [LABEL_KINDS[kind] for kind in self.label_kinds.tolist()],
            },
            schema=LABELS,
        )
        approved = pl.DataFrame(
            {"label": self.genes.keys, "symbol": self.genes.keys}, schema={"label": pl.String, "symbol": pl.String}
        )
        labels = pl.concat([approved.with_columns(kind=pl.lit("approved")), others]).sort("label")
        several = pl.Series(self._strings("ambiguous_symbols"), dtype=pl.String).str.split("\n")
        ambiguous = pl.DataFrame(
            {"label": list(self._strings("ambiguous_labels")), "symbols": several},
            schema={"label": pl.String, "symbols": pl.List(pl.String)},
        )
        terms = zip(self.terms.keys, self.term_names, map(self.synonyms, range(len(self.terms))), strict=True)
        pathways = ((key, name, ()) for key, name in zip(self.pathways.keys, self.pathway_names, strict=True))
        return Identity(GeneNames(labels, ambiguous), NameTable(terms), NameTable(pathways))

    def resolve(self, label: str) -> str | None:
        """The approved symbol that a label names, by the rules of `identity`; None where it names none or several."""
        return label if label in self.genes else self.identity.genes.symbol(label)

    def resolve_exactly(self, label: str) -> str | None:
        """The approved symbol of a label in the spelling of HGNC, or None: for words of running text.

        Labels are former and alias symbols and HGNC, NCBI, Ensembl, UniProt and STRING ids.
        """
        label = label.removeprefix("9606.")  # STRING writes the species before the protein.
        if label in self.genes:
            return label
        position = bisect_left(self.labels, label)
        if position < len(self.labels) and self.labels[position] == label:
            return str(self.genes.keys[self.label_genes[position]])
        return None

    def synonyms(self, term: int) -> list[str]:
        """Other names of the term at a position."""
        joined = self._term_synonyms[term]
        return joined.split("\n") if joined else []

    def _csr(self, name: str) -> Csr:
        arrays = self._arrays
        return Csr(
            arrays[f"{name}.indptr"],
            arrays[f"{name}.indices"],
            arrays[f"{name}.weights"],
            arrays.get(f"{name}.sources"),
        )

    def _strings(self, name: str) -> Strings:
        return Strings(self._arrays[f"{name}.text"], self._arrays[f"{name}.offsets"])


def _reopen(directory: Path) -> Snapshot:
    # The process that pickled the snapshot has checked the hashes.
    return Snapshot.open(directory, verify=False)
