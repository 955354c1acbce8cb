"""Reactome: human pathways, their names, their members and their hierarchy."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.content import archive_date
from rbio_kg.graph_builders.parsing.gmt import read_gmt
from rbio_kg.graph_builders.parsing.hierarchy import ancestors, require_acyclic
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.readers import Layout, read_table
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "Reactome"
_ID = re.compile(r"R-[A-Z]{3}-\d+(?:\.\d+)?")
_HUMAN = "R-HSA-"
RELATION = Layout("\t", ("parent", "child"), header=False, fields=(2, 2))
NAMES = Layout("\t", ("id", "name", "species"), header=False, fields=(3, 3))


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `pathways`, `memberships` and, with the hierarchy file, `pathway_parents`.

    A member of a pathway is a member of every pathway above it; `direct` is True if the gmt lists it there. A
    pathway's name comes from the gmt, else from the names file, else it is its id. Only R-HSA pathways are kept.
    They have members of viruses and bacteria too, so the case of a symbol counts: `tat` is a gene of HIV.

    Raises:
        SourceError: a file is unreadable, or no line of it is Reactome's, or pathways are parts of themselves.
    """
    path = files.one("members")
    rejections = Rejections(path)
    parsed = ParsedSource(frames={}, rejections=[rejections], date=archive_date(path))
    sets, members = read_gmt(path, _heading, rejections)
    sets, members = (
        leave_out(frame, ~pl.col("id").str.starts_with(_HUMAN), "other species", parsed.left_out)
        for frame in (sets, members)
    )
    members = context.gene_names().resolve(members, {"member": SYMBOL_KINDS}, "start", any_case=False)
    members = parsed.unmapped.drop(members, {"start": "member"})
    parents = _parents(files.maybe("hierarchy"), parsed)
    names = _names(files.maybe("names"), parsed)
    ids = pl.concat([parents["start"], parents["end"]]).unique().to_frame("id")
    others = ids.join(sets, on="id", how="anti").join(names, on="id", how="left")
    parsed.notes["pathways without a name"] = others["name"].null_count()
    source = pl.lit(NAME).alias("source")
    pathways = pl.concat(
        [sets.select("id", "name"), others.select("id", pl.coalesce("name", "id").alias("name"))]
    ).sort("id")
    parsed.frames["pathways"] = pathways.with_columns(source)
    parsed.frames["memberships"] = _closed(members, parents, parsed.notes).with_columns(source)
    parsed.require("memberships", path)
    parsed.frames["pathway_parents"] = parents.with_columns(source)
    return parsed


def _heading(name: str, pathway: str) -> tuple[str, str] | str:
    return (
        (pathway, name) if _ID.fullmatch(pathway) and name else "the second field is not a Reactome id (R-HSA-number)"
    )


def _closed(members: pl.DataFrame, parents: pl.DataFrame, notes: dict[str, int]) -> pl.DataFrame:
    """Memberships closed upward over the hierarchy."""
    listed = members.select("start", pl.col("id").alias("end")).unique()
    ids = pl.concat([listed["end"], parents["start"], parents["end"]]).unique().sort()
    above = ancestors(parents, ids)
    upward = pl.DataFrame({"end": ids.gather(above["key"]), "above": ids.gather(above["ancestor"])})
    closed = listed.join(upward, on="end").select("start", pl.col("above").alias("end"))
    direct = listed.with_columns(pl.lit(True).alias("direct"))
    table = closed.unique().join(direct, on=["start", "end"], how="left").sort("start", "end")
    notes["memberships that follow from sub-pathways"] = table.height - listed.height
    return table.with_columns(pl.col("direct").fill_null(False))


def _parents(path: Path | None, parsed: ParsedSource) -> pl.DataFrame:
    if path is None:
        return pl.DataFrame(schema={"start": pl.String, "end": pl.String})
    rows, rejections = _rows(path, RELATION, ("parent", "child"), parsed)
    human = pl.all_horizontal(pl.col("parent", "child").str.starts_with(_HUMAN))
    rows = leave_out(rows, ~human, "other species", parsed.left_out)
    rows = rejections.drop(rows, pl.col("parent") == pl.col("child"), "a pathway cannot be its own part")
    parents = rows.select(pl.col("child").alias("start"), pl.col("parent").alias("end")).unique().sort("start", "end")
    require_acyclic(parents, "pathways and their parts", path, "download the hierarchy again")
    return parents


def _names(path: Path | None, parsed: ParsedSource) -> pl.DataFrame:
    if path is None:
        return pl.DataFrame(schema={"id": pl.String, "name": pl.String})
    rows, rejections = _rows(path, NAMES, ("id",), parsed)
    rows = leave_out(rows, ~pl.col("id").str.starts_with(_HUMAN), "other species", parsed.left_out)
    rows = rejections.drop(rows, ~pl.col("id").is_first_distinct(), "the pathway is named twice")
    return rows.select("id", pl.col("name").str.strip_chars())


def _rows(path: Path, layout: Layout, ids: tuple[str, ...], parsed: ParsedSource) -> tuple[pl.DataFrame, Rejections]:
    rejections = Rejections(path)
    parsed.rejections.append(rejections)
    rows = read_table(path, layout, rejections)
    known = pl.all_horizontal(pl.col(*ids).str.contains(f"^{_ID.pattern}$"))
    rows = rejections.drop(rows, ~known, "there is no Reactome id (R-HSA-number)")
    rejections.require_some(rows.height, "Reactome pathways")
    return rows, rejections


_DOWNLOADS = "https://reactome.org/download/current"

SOURCE = SourceEntry(
    name=NAME,
    title="pathways, their members and their hierarchy",
    folder="reactome",
    files=(
        SourceFile(
            "members",
            "ReactomePathways.gmt.zip",
            ("ReactomePathways.gmt",),
            f"{_DOWNLOADS}/ReactomePathways.gmt.zip",
        ),
        SourceFile(
            "hierarchy",
            "ReactomePathwaysRelation.txt",
            url=f"{_DOWNLOADS}/ReactomePathwaysRelation.txt",
            required=False,
        ),
        SourceFile("names", "ReactomePathways.txt", url=f"{_DOWNLOADS}/ReactomePathways.txt", required=False),
    ),
    licence="CC0 1.0",
    commercial=True,
    url="https://reactome.org",
    required=False,
    read=read,
)
