"""Co-essential modules: genes whose knockouts impair the same cell lines (Wainberg et al. 2021)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource
from rbio_kg.graph_builders.parsing.readers import numbered_lines
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.gene_sets import put_sets

NAME = "co-essential modules"
KIND = "co-essential module"
_NUMBER, _TERM, _GENES = ("cluster", "cluster number"), ("most_enriched_go", "most-enriched go term"), ("genes",)


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `gene_sets` and `set_members`, from the authors' clusters or the same with the genes in one column.

    A module's name is its number and its most enriched GO term, if it has one.

    Raises:
        SourceError: the file is unreadable, has another header or holds no module.
    """
    path = files.one("modules")
    rejections = Rejections(path)
    sets: list[tuple[str, str]] = []
    members: list[tuple[str, str]] = []
    seen: set[str] = set()
    columns: list[int] | None = None
    for line, text in numbered_lines(path):
        fields = [field.strip() for field in text.split("\t")]
        if not any(fields):
            continue
        if columns is None:
            columns = _columns(fields, path, line)
            continue
        rejections.seen += 1
        number, term, first = columns
        # The authors' file has one column per gene; the mirror joins the genes with bars.
        genes = dict.fromkeys(gene for field in fields[first:] for gene in field.split("|") if gene)
        if len(fields) <= max(columns) or not fields[number].isdigit() or not genes:
            rejections.add(line, "the line does not have a module's number, terms and genes")
        elif fields[number] in seen:
            rejections.add(line, f"module {fields[number]} is given twice")
        else:
            seen.add(fields[number])
            key = f"coessential:{fields[number]}"
            about = fields[term].partition(":")[2]
            sets.append((key, f"module {fields[number]}" + (f": {about}" if about else "")))
            members += [(key, gene) for gene in genes]
    rejections.require_some(len(sets), "co-essential modules")
    rejections.seen += len(members)
    parsed = ParsedSource(frames={}, rejections=[rejections])
    put_sets(
        parsed,
        pl.DataFrame(sets, schema={"id": pl.String, "name": pl.String}, orient="row"),
        pl.DataFrame(members, schema={"id": pl.String, "member": pl.String}, orient="row"),
        context,
        kind=KIND,
        source=NAME,
    )
    parsed.require("set_members", path)
    return parsed


def _columns(header: list[str], path: Path, line: int) -> list[int]:
    names = [name.lower() for name in header]
    found = [[names.index(name) for name in wanted if name in names] for wanted in (_NUMBER, _TERM, _GENES)]
    if not all(found):
        raise SourceError(
            "the header is not that of co-essential modules", where=path, line=line, hint="is it the right file?"
        )
    return [positions[0] for positions in found]


SOURCE = SourceEntry(
    name=NAME,
    title="genes whose knockouts impair the same cell lines",
    folder="extra",
    files=(
        SourceFile(
            "modules",
            "clusterOne_clusters.tsv",
            ("coessential_modules*.tsv",),
            "https://raw.githubusercontent.com/kundajelab/coessentiality/master/clusterOne_clusters.tsv",
        ),
    ),
    licence="not stated (Wainberg et al. 2021, doi:10.1038/s41588-021-00840-z)",
    commercial=False,
    url="https://github.com/kundajelab/coessentiality",
    required=False,
    read=read,
)
