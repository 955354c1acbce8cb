"""Compiles the assembled tables into the snapshot's arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import BuildError
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.schema.schema import NAMESPACES, STRING_CHANNELS
from rbio_kg.graph.snapshot.arrays import pack_strings
from rbio_kg.graph.snapshot.csr import Csr, build_csr, entry_order

LABEL_KINDS = ("approved", "previous", "alias", "hgnc", "entrez", "ensembl", "uniprot", "string")
"""Kinds of gene label, by priority: of a label with several kinds, the first listed counts."""

COMPILED = ("interactions", "regulations", "annotations", "is_a", "part_of", "pathways", "memberships")
"""Tables with sources that the snapshot is compiled from: no knockdowns and no questions."""

Arrays = dict[str, NDArray[Any]]


def compile_tables(tables: Mapping[str, pl.DataFrame]) -> tuple[Arrays, list[str]]:
    """All arrays by file name, and the names of the sources in the order of their codes.

    Raises:
        BuildError: a relationship names a node that its table does not have.
    """
    return _Compiler(tables).arrays()


class _Compiler:
    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.tables = tables
        self.keys = {
            table: tables[table].get_column(key).sort()
            for table, key in (("genes", "symbol"), ("terms", "id"), ("pathways", "id"))
        }
        self.kinds = {table: pl.Enum(keys) for table, keys in self.keys.items()}
        cited = [tables[name].get_column("source") for name in COMPILED]
        self.sources: list[str] = sorted({name for column in cited for name in column.unique() if name is not None})

    def arrays(self) -> tuple[Arrays, list[str]]:
        genes, terms, pathways = (len(self.keys[table]) for table in ("genes", "terms", "pathways"))
        out: Arrays = {}
        out |= self._nodes()
        out |= self._labels()
        out |= self._interactions(genes)
        regulates = self._edges("regulations", "genes", "genes", genes, self._weights("regulations", "sign", np.int8))
        out |= _named("regulates", regulates) | _named("regulated_by", regulates.transpose(genes))
        memberships = self._edges("memberships", "genes", "pathways", genes)
        members = memberships.transpose(pathways)
        out |= _named("memberships", memberships) | _named("pathway_genes", members)
        out["pathway_sizes"] = members.degrees.astype(np.int32)
        out |= self._ontology(genes, terms, out["information_content"])
        return out, self.sources

    def _nodes(self) -> Arrays:
        genes = self.tables["genes"].sort("symbol")
        terms = self.tables["terms"].sort("id")
        pathways = self.tables["pathways"].sort("id")
        synonyms = terms.get_column("synonyms").list.join("\n")
        out = (
            _text("genes", genes.get_column("symbol"))
            | _text("gene_names", genes.get_column("name"))
            | _text("terms", terms.get_column("id"))
            | _text("term_names", terms.get_column("name"))
            | _text("term_synonyms", synonyms)
            | _text("pathways", pathways.get_column("id"))
            | _text("pathway_names", pathways.get_column("name"))
        )
        content = terms.get_column("information_content").fill_null(0.0).fill_nan(0.0)
        out["information_content"] = content.to_numpy().astype(np.float32)
        out["term_namespaces"] = _codes(terms.get_column("namespace"), NAMESPACES)
        out["pathway_sources"] = _codes(pathways.get_column("source"), self.sources)
        return out

    def _labels(self) -> Arrays:
        known = self.keys["genes"].implode()
        all_names = self.tables["names"]
        names = (
            all_names.with_columns(pl.Series("code", _codes(all_names.get_column("kind"), LABEL_KINDS)))
            .filter(pl.col("symbol").is_in(known), ~pl.col("label").is_in(known))
            .sort("label", "code", "symbol")
            .unique("label", keep="first", maintain_order=True)
        )
        out = _text("labels", names.get_column("label"))
        out["label_genes"] = self._positions("names", names.get_column("symbol"), "genes").astype(np.int32)
        out["label_kinds"] = names.get_column("code").to_numpy().astype(np.uint8)
        several = GeneNames.of_tables(self.tables).ambiguous
        out |= _text("ambiguous_labels", several.get_column("label"))
        out |= _text("ambiguous_symbols", several.get_column("symbols").list.join("\n"))
        return out

    def _interactions(self, genes: int) -> Arrays:
        frame = self.tables["interactions"].filter(pl.col("start") != pl.col("end"))
        start, end = (self._positions("interactions", frame.get_column(side), "genes") for side in ("start", "end"))
        # Of duplicate pairs the higher score stays; of equal scores, the row with the later symbols.
        scores = frame.get_column("score").fill_null(0).clip(0, 1000).to_numpy()
        weights = (scores << 48) | (start << 24) | end
        column = np.concatenate((end, start))
        indptr, entries = entry_order(genes, np.concatenate((start, end)), column, np.tile(weights, 2))
        rows = entries % max(frame.height, 1)
        channels = frame.select(pl.col(STRING_CHANNELS).fill_null(0).clip(0, 1000).cast(pl.UInt16)).to_numpy(order="c")
        sources = _codes(frame.get_column("source"), self.sources)
        csr = Csr(indptr, column[entries].astype(np.int32), scores[rows].astype(np.uint16), sources[rows])
        return _named("interactions", csr) | {"channels": channels.reshape(-1, len(STRING_CHANNELS))[rows]}

    def _ontology(self, genes: int, terms: int, content: NDArray[np.float32]) -> Arrays:
        from rbio_kg.graph.snapshot.kernels import ancestor_closure

        is_a, part_of = self._pairs("is_a", "terms", "terms"), self._pairs("part_of", "terms", "terms")
        kinds = np.repeat(np.array([2, 1], dtype=np.uint8), (len(is_a[0]), len(part_of[0])))
        sources = np.concatenate([self._sources_of("is_a"), self._sources_of("part_of")])
        children, above = (np.concatenate((is_a[side], part_of[side])) for side in (0, 1))
        parents = build_csr(terms, children, above, kinds, sources)

        electronic = self.tables["annotations"].get_column("evidence").list.set_difference(["IEA"]).list.len() == 0
        curated = np.where(electronic.fill_null(value=True).to_numpy(), 1, 2).astype(np.uint8)
        annotations = self._edges("annotations", "genes", "terms", genes, curated)
        indptr, indices = ancestor_closure(annotations.indptr, annotations.indices, parents.indptr, parents.indices)
        closure = order_by_content(indptr, indices, annotations, content)
        return (
            _named("term_parents", parents)
            | _named("annotations", annotations)
            | _named("closure", closure)
            | _named("term_genes", closure.transpose(terms))
        )

    def _edges(self, table: str, start: str, end: str, rows: int, weights: NDArray[Any] | None = None) -> Csr:
        starts, ends = self._pairs(table, start, end)
        if weights is None:
            weights = np.ones(len(starts), dtype=np.uint8)
        return build_csr(rows, starts, ends, weights, self._sources_of(table))

    def _pairs(self, table: str, start: str, end: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        frame = self.tables[table]
        return (
            self._positions(table, frame.get_column("start"), start),
            self._positions(table, frame.get_column("end"), end),
        )

    def _positions(self, table: str, column: pl.Series, keys: str) -> NDArray[np.int64]:
        found = column.cast(self.kinds[keys], strict=False).to_physical()
        if found.null_count():
            missing = column.filter(found.is_null()).unique().sort().head(3).to_list()
            raise BuildError(f"table {table} names {', '.join(map(str, missing))}, which table {keys} does not have")
        return found.to_numpy().astype(np.int64)

    def _weights(self, table: str, column: str, kind: type[np.generic]) -> NDArray[Any]:
        return self.tables[table].get_column(column).fill_null(0).to_numpy().astype(kind)

    def _sources_of(self, table: str) -> NDArray[np.uint8]:
        return _codes(self.tables[table].get_column("source"), self.sources)


def order_by_content(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], direct: Csr, content: NDArray[np.float32]
) -> Csr:
    """A closure with each row in descending information content (ties by ascending term).

    Args:
        indptr, indices: a closure, rows in any order.
        direct: gene x term, the direct annotations; weights of the result are 1 for these, else 0.
        content: (terms,).
    """
    terms = len(content)
    ranked = np.lexsort((np.arange(terms), -content))
    rank = np.empty(terms, dtype=np.int64)
    rank[ranked] = np.arange(terms)
    width = max(terms, 1)
    rows = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    key = np.sort(rows * width + rank[indices])
    ordered = ranked[key % width].astype(np.int32)
    entries = (key // width) * width + ordered
    is_direct = np.isin(entries, direct.rows().astype(np.int64) * width + direct.indices)
    return Csr(indptr, ordered, is_direct.astype(np.uint8))


def _named(name: str, csr: Csr) -> Arrays:
    out: Arrays = {f"{name}.indptr": csr.indptr, f"{name}.indices": csr.indices, f"{name}.weights": csr.weights}
    if csr.sources is not None:
        out[f"{name}.sources"] = csr.sources
    return out


def _text(name: str, values: pl.Series) -> Arrays:
    blob, offsets = pack_strings(values)
    return {f"{name}.text": blob, f"{name}.offsets": offsets}


def _codes(values: pl.Series, known: Sequence[str]) -> NDArray[np.uint8]:
    """Position of each value in `known`, 255 for any other."""
    codes = values.cast(pl.Enum(known), strict=False).to_physical()
    return codes.cast(pl.Int64).fill_null(255).to_numpy().astype(np.uint8)
