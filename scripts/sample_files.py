"""Writes the sample's files in the providers' formats; `cut_sample.py` chooses their content."""

from __future__ import annotations

import gzip
import io
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

RELATIONSHIPS = {
    "part of": "part_of",
    "regulates": "regulates",
    "positively regulates": "positively_regulates",
    "negatively regulates": "negatively_regulates",
}
ASPECTS = {"bp": ("P", "biological_process"), "mf": ("F", "molecular_function"), "cc": ("C", "cellular_component")}
COMPLEX = "GO:0032991"
"""protein-containing complex: GAF 2.2 says part_of for it and what is below it, located_in for other components."""

HGNC_COLUMNS = {
    "hgnc_id": "HGNC ID",
    "symbol": "Approved symbol",
    "name": "Approved name",
    "locus_type": "Locus type",
    "status": "Status",
    "alias_symbol": "Alias symbols",
    "prev_symbol": "Previous symbols",
    "entrez_id": "NCBI Gene ID(supplied by NCBI)",
    "ensembl_gene_id": "Ensembl gene ID",
    "uniprot_ids": "UniProt ID(supplied by UniProt)",
}
"""Columns of HGNC's complete set -> their names in HGNC's download form, which the table comes from."""


@dataclass(frozen=True)
class Gene:
    """A gene of the sample: its number inside org.Hs.eg.db, and its row of HGNC's table under HGNC_COLUMNS' names."""

    key: int
    row: dict[str, str]

    @property
    def symbol(self) -> str:
        """HGNC's approved symbol."""
        return self.row["symbol"]

    @property
    def entrez(self) -> str:
        """NCBI's gene id."""
        return self.row["entrez_id"]

    @property
    def product(self) -> tuple[str, str]:
        """Database and accession of what is annotated: the first UniProt entry, else the gene."""
        accession = self.row["uniprot_ids"].split("|")[0]
        return ("UniProtKB", accession) if accession else ("NCBI_Gene", self.entrez)


class Names:
    """Genes of org.Hs.eg.db by Entrez id, and by symbol or unambiguous alias."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.entrez: dict[int, str] = dict(connection.execute("select _id, gene_id from genes"))
        self.by_entrez = {entrez: key for key, entrez in self.entrez.items()}
        symbols: dict[str, set[int]] = defaultdict(set)
        aliases: dict[str, set[int]] = defaultdict(set)
        for key, symbol in connection.execute("select _id, symbol from gene_info"):
            symbols[symbol].add(key)
        for key, alias in connection.execute("select _id, alias_symbol from alias"):
            aliases[alias].add(key)
        self.by_name = {name: min(keys) for name, keys in aliases.items() if len(keys) == 1}
        self.by_name |= {name: min(keys) for name, keys in symbols.items() if len(keys) == 1}


def write(path: Path, text: str) -> None:
    """Write text, gzipped without name and time where the path ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode("utf-8")
    if path.suffix == ".gz":
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=9) as stream:
            stream.write(content)
        content = buffer.getvalue()
    path.write_bytes(content)


def write_hgnc(path: Path, genes: Sequence[Gene]) -> None:
    """HGNC's complete set, of its columns those that the builders read."""
    write(path, table([list(HGNC_COLUMNS), *(list(gene.row.values()) for gene in genes)], "\t"))


def write_string(folder: Path, genes: Sequence[Gene], names: Names, links: dict[tuple[str, str], int]) -> pl.DataFrame:
    """STRING's info and plain links file; each pair stands both ways, as STRING has it. Returns each pair once."""
    by_key = {gene.key: gene for gene in genes}
    preferred: dict[int, str] = {}
    pairs: dict[tuple[int, int], int] = {}
    for (one, other), score in links.items():
        a, b = names.by_name.get(one), names.by_name.get(other)
        if a is None or b is None or a == b or a not in by_key or b not in by_key:
            continue
        preferred[a], preferred[b] = one, other
        pairs[a, b] = pairs[b, a] = score
    identifier = {key: f"9606.GENE{gene.entrez}" for key, gene in by_key.items()}
    info = [["#string_protein_id", "preferred_name", "protein_size", "annotation"]]
    info += [
        [identifier[gene.key], preferred[gene.key], "0", "annotation not available"]
        for gene in genes
        if gene.key in preferred
    ]
    write(folder / "9606.protein.info.v12.0.txt.gz", table(info, "\t"))
    rows = sorted([identifier[a], identifier[b], str(score)] for (a, b), score in pairs.items())
    write(folder / "9606.protein.links.v12.0.txt.gz", table([["protein1", "protein2", "combined_score"], *rows], " "))
    once = [(by_key[a].symbol, by_key[b].symbol, score) for (a, b), score in pairs.items()]
    schema = {"start": pl.String, "end": pl.String, "score": pl.Int64}
    return pl.DataFrame(sorted(row for row in once if row[0] < row[1]), schema=schema, orient="row")


def write_go(folder: Path, go: sqlite3.Connection, names: Names, genes: Sequence[Gene]) -> dict[str, pl.DataFrame]:
    """go-basic.obo with the annotated terms and all above them, and the annotations as GAF 2.2. Returns the edges."""
    terms = {
        key: (term, name, kind)
        for key, term, name, kind in go.execute("select _id, go_id, term, ontology from go_term")
    }
    parents: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for aspect in ASPECTS:
        for child, parent, kind in go.execute(f"select * from go_{aspect}_parents"):
            if terms[parent][2] != "universal":
                parents[terms[child][0]].append((kind, terms[parent][0]))
    complexes = _below(COMPLEX, parents)
    rows, annotated = [], set()
    for gene in genes:
        for aspect, (letter, _) in ASPECTS.items():
            query = f"select distinct go_id, evidence from go_{aspect} where _id = ? order by 1, 2"
            for term, evidence in names.connection.execute(query, (gene.key,)):
                component = "part_of" if term in complexes else "located_in"
                relation = {"P": "involved_in", "F": "enables", "C": component}[letter]
                annotated.add(term)
                rows.append(
                    [*gene.product, gene.symbol, relation, term, "GO_REF:0000000",
                     evidence, "", letter, gene.row["name"], "", "protein", "taxon:9606", "20220912", "NCBI", "", ""]
                )  # fmt: skip
    remarks = "!gaf-version: 2.2\n!generated-by: rbio-kg scripts/cut_sample.py from org.Hs.eg.db 3.16.0\n"
    remarks += "!date-generated: 2022-09-12\n!remark: references, dates and NOT rows are not in that package\n"
    write(folder / "goa_human.gaf.gz", remarks + table(rows, "\t"))
    kept = _above(annotated, parents)
    write(folder / "go-basic.obo.gz", _obo(go, terms, parents, kept))
    up = [(child, parent, kind) for child in kept for kind, parent in parents[child]]
    return {
        "annotations": edges([(row[2], row[4]) for row in rows]),
        "is_a": edges([(child, parent) for child, parent, kind in up if kind == "isa"]),
        "part_of": edges([(child, parent) for child, parent, kind in up if kind == "part of"]),
    }


def _above(start: Iterable[str], parents: dict[str, list[tuple[str, str]]]) -> set[str]:
    found, todo = set(), list(start)
    while todo:
        term = todo.pop()
        if term not in found:
            found.add(term)
            todo += [parent for kind, parent in parents[term] if kind in ("isa", "part of")]
    return found


def _below(top: str, parents: dict[str, list[tuple[str, str]]]) -> set[str]:
    children = defaultdict(list)
    for child, edges in parents.items():
        for kind, parent in edges:
            children[parent].append((kind, child))
    found, todo = set(), [top]
    while todo:
        term = todo.pop()
        if term not in found:
            found.add(term)
            todo += [child for kind, child in children[term] if kind == "isa"]
    return found


def _obo(
    go: sqlite3.Connection,
    terms: dict[int, tuple[str, str, str]],
    parents: dict[str, list[tuple[str, str]]],
    kept: set[str],
) -> str:
    by_id = {term: (key, name, kind) for key, (term, name, kind) in terms.items()}
    namespaces = {aspect.upper(): namespace for aspect, (_, namespace) in ASPECTS.items()}
    lines = ["format-version: 1.2", "data-version: releases/2022-07-01", "ontology: go"]
    lines += [
        "remark: a part of GO.db 3.16.0, cut by rbio-kg scripts/cut_sample.py; identifiers, names and relations only",
        "",
    ]
    for term in sorted(kept):
        key, name, kind = by_id[term]
        lines += ["[Term]", f"id: {term}", f"name: {name}", f"namespace: {namespaces[kind]}"]
        query = "select distinct secondary from go_synonym where _id = ? and secondary is not null order by 1"
        lines += [f"alt_id: {other}" for (other,) in go.execute(query, (key,))]
        edges = sorted((kind, parent) for kind, parent in parents[term] if parent in kept)
        lines += [f"is_a: {parent} ! {by_id[parent][1]}" for kind, parent in edges if kind == "isa"]
        lines += [
            f"relationship: {RELATIONSHIPS[kind]} {parent} ! {by_id[parent][1]}"
            for kind, parent in edges
            if kind != "isa"
        ]
        lines.append("")
    for name in sorted(RELATIONSHIPS.values()):
        lines += ["[Typedef]", f"id: {name}", f"name: {name.replace('_', ' ')}", ""]
    return "\n".join(lines)


def edges(rows: Iterable[tuple[str, str]]) -> pl.DataFrame:
    """Pairs as a table of the graph: start, end, each once, sorted."""
    return pl.DataFrame(sorted(set(rows)), schema={"start": pl.String, "end": pl.String}, orient="row")


def table(rows: Iterable[Sequence[str]], separator: str) -> str:
    """Rows of text, one a line."""
    return "".join(separator.join(row) + "\n" for row in rows)
