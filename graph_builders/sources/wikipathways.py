"""WikiPathways: community pathways, their members given as NCBI gene ids."""

from __future__ import annotations

import re

import polars as pl

from rbio_kg.graph_builders.parsing.gmt import read_gmt
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource, leave_out
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

NAME = "WikiPathways"
_HEAD = re.compile(r"(?P<name>.+)%(?P<release>WikiPathways[^%]*)%(?P<id>WP\d+)%(?P<species>[^%]+)")


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `pathways` and `memberships`. Pathways of other species are left out with their members.

    Raises:
        SourceError: the file is unreadable or no line is a WikiPathways set.
    """
    path = files.one("members")
    rejections = Rejections(path)
    species: dict[str, str] = {}
    releases: set[str] = set()

    def heading(first: str, _: str) -> tuple[str, str] | str:
        match = _HEAD.fullmatch(first)
        if match is None:
            return "the name is not `pathway%WikiPathways_date%WP number%species`"
        species[match["id"]] = match["species"]
        releases.add(match["release"])
        return match["id"], match["name"]

    sets, members = read_gmt(path, heading, rejections)
    parsed = ParsedSource(frames={}, rejections=[rejections])
    foreign = [pathway for pathway, name in species.items() if name != "Homo sapiens"]
    sets = leave_out(sets, pl.col("id").is_in(foreign), "other species", parsed.left_out)
    members = leave_out(members, pl.col("id").is_in(foreign), "other species", parsed.left_out)
    members = rejections.drop(members, ~pl.col("member").str.contains(r"^\d+$"), "the member is not an NCBI gene id")
    members = context.gene_names().resolve(members, {"member": ("entrez",)}, "start")
    members = parsed.unmapped.drop(members, {"start": "member"})
    source = pl.lit(NAME).alias("source")
    parsed.frames["pathways"] = sets.select("id", "name", source)
    parsed.frames["memberships"] = (
        members.select("start", pl.col("id").alias("end"), pl.lit(True).alias("direct"), source)
        .unique()
        .sort("start", "end")
    )
    parsed.require("memberships", path)
    parsed.version = max(releases).removeprefix("WikiPathways").strip("_") or None
    if parsed.version and (match := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", parsed.version)):
        parsed.date = "-".join(match.groups())
    return parsed


SOURCE = SourceEntry(
    name=NAME,
    title="community pathways and their members",
    folder="wikipathways",
    files=(
        SourceFile(
            "members",
            "wikipathways-20240910-gmt-Homo_sapiens.gmt",
            ("wikipathways*Homo_sapiens*.gmt", "*.gmt"),
            "https://data.wikipathways.org/20240910/gmt/wikipathways-20240910-gmt-Homo_sapiens.gmt",
        ),
    ),
    licence="CC0 1.0",
    commercial=True,
    url="https://www.wikipathways.org",
    required=False,
    read=read,
)
