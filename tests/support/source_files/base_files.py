"""The files that tests break: excerpts of the package's sample and of the real sources, and what the sample lacks."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.graph_builders.sources.register import entry

Kind = Literal["table", "rows", "sets", "obo", "json"]
Origin = Literal["sample", "made", "real"]


@dataclass(frozen=True)
class Base:
    """A file of a source, and what there is to break in it.

    Args:
        origin: where its content comes from.
        source: its source's name in the register.
        role: its role in that source.
        name: its path below a sources directory, plain.
        kind: `table` has a header that names the columns, `rows` has none, `sets` is GMT.
        separator: between fields.
        quoted: True where fields may stand in quotes.
        numbers: the columns that must be numbers.
        strict: True where one malformed row refuses the file.
    """

    origin: Origin
    source: str
    role: str
    name: str
    kind: Kind
    separator: str = "\t"
    quoted: bool = False
    numbers: tuple[str, ...] = ()
    strict: bool = False

    @property
    def id(self) -> str:
        """The name in test ids."""
        return f"{self.origin} {Path(self.name).name}"


def _bases(origin: Origin, *names: str) -> tuple[Base, ...]:
    known = (
        ("HGNC", "genes", "hgnc/", {"kind": "table", "quoted": True}),
        ("GO", "ontology", "go/go-", {"kind": "obo"}),
        ("GOA", "annotations", "go/goa", {"kind": "rows"}),
        ("STRING", "info", "string/9606.protein.info", {"kind": "table"}),
        (
            "STRING", "links", "string/9606.protein.links",
            {"kind": "table", "separator": " ", "numbers": ("combined_score",)},
        ),
        ("Reactome", "members", "reactome/ReactomePathways.gmt", {"kind": "sets"}),
        ("Reactome", "hierarchy", "reactome/ReactomePathwaysRelation", {"kind": "rows"}),
        ("Reactome", "names", "reactome/ReactomePathways.txt", {"kind": "rows"}),
        ("WikiPathways", "members", "wikipathways/", {"kind": "sets"}),
        (
            "CollecTRI", "regulation", "collectri/",
            {"kind": "table", "separator": ",", "quoted": True, "numbers": ("weight",)},
        ),
        ("PerturbQA", "simulated", "perturbqa/simulated", {"kind": "json", "strict": True}),
        (
            "PerturbQA", "de", "perturbqa/k562-de",
            {"kind": "table", "separator": ",", "quoted": True, "numbers": ("label",), "strict": True},
        ),
        (
            "PerturbQA", "dir", "perturbqa/k562-dir",
            {"kind": "table", "separator": ",", "quoted": True, "numbers": ("label",), "strict": True},
        ),
    )  # fmt: skip
    found = []
    for name in names:
        source, role, _, rest = next(item for item in known if name.startswith(item[2]))
        found.append(Base(origin, source, role, name, **rest))  # type: ignore[arg-type]
    return tuple(found)


SAMPLE = _bases(
    "sample",
    "hgnc/hgnc_complete_set.txt",
    "go/go-basic.obo",
    "go/goa_human.gaf",
    "string/9606.protein.info.v12.0.txt",
    "string/9606.protein.links.v12.0.txt",
    "wikipathways/wikipathways-20220610-gmt-Homo_sapiens.gmt",
    "perturbqa/k562-de.csv",
    "perturbqa/k562-dir.csv",
    "perturbqa/simulated.json",
)
MADE = _bases(
    "made",
    "reactome/ReactomePathways.gmt",
    "reactome/ReactomePathwaysRelation.txt",
    "reactome/ReactomePathways.txt",
    "collectri/CollecTRI_regulons.csv",
)
REAL = _bases(
    "real",
    "hgnc/hgnc_complete_set.txt",
    "go/go-basic.obo",
    "go/goa_human.gaf",
    "string/9606.protein.info.v12.0.txt",
    "string/9606.protein.links.full.v12.0.txt",
    "reactome/ReactomePathways.gmt",
    "reactome/ReactomePathwaysRelation.txt",
    "reactome/ReactomePathways.txt",
    "collectri/collectri.csv",
    "perturbqa/k562-de.csv",
    "perturbqa/k562-dir.csv",
)
BASES = (*SAMPLE, *MADE, *REAL)
GROUPS: dict[Origin, tuple[Base, ...]] = {"sample": SAMPLE, "made": MADE, "real": REAL}
_LINES = 1500
# The hierarchies of all species, in the order of the species: every n-th line.
_STEPS = {"reactome/ReactomePathwaysRelation.txt": 14, "reactome/ReactomePathways.txt": 13}
_SETS = 150
_TERMS = 300
_LINK = re.compile(rb"^(?:is_a|relationship: \w+):? (GO:\d{7}).*\n?", re.MULTILINE)


def unpacked(folder: Path, name: str) -> bytes:
    """The content of a file that lies there plain, gzipped or zipped."""
    path = next(path for ending in ("", ".gz", ".zip") if (path := folder / (name + ending)).is_file())
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(archive.infolist()[0])
    return data


@cache
def contents(origin: Origin, shared: Path | None = None) -> Mapping[str, bytes]:
    """The files of one origin by name, the long ones shortened to some hundred rows."""
    if origin == "made":
        return _made()
    folder = sample_directory() if origin == "sample" else (shared or Path()) / "sources"
    found = {base.name: _excerpt(base, unpacked(folder, base.name)) for base in GROUPS[origin]}
    links = next(content for name, content in found.items() if "protein.links" in name)
    proteins = {protein for line in links.splitlines() for protein in line.split(b" ")[:2]}
    info = next(base.name for base in GROUPS[origin] if "protein.info" in base.name)
    lines = unpacked(folder, info).splitlines(keepends=True)
    found[info] = b"".join(line for line in lines if line.startswith(b"#") or line.split(b"\t", 1)[0] in proteins)
    return found


def _excerpt(base: Base, content: bytes) -> bytes:
    if base.kind == "obo":
        stanzas = content.split(b"\n\n")[:_TERMS]
        terms = set(re.findall(rb"^id: (GO:\d{7})$", b"\n".join(stanzas), re.MULTILINE))
        return _LINK.sub(lambda match: match[0] if match[1] in terms else b"", b"\n\n".join(stanzas)) + b"\n"
    lines = content.splitlines(keepends=True)
    count = _SETS if base.kind == "sets" else _LINES
    return b"".join(lines[:: _STEPS.get(base.name, 1)][:count])


def _made() -> Mapping[str, bytes]:
    """Reactome's and CollecTRI's formats with genes of the sample."""
    lines = unpacked(sample_directory(), "hgnc/hgnc_complete_set.txt").decode().splitlines()[1:]
    genes = [line.split("\t")[1] for line in lines]
    pathways = range(1, 101)
    content = {
        "reactome/ReactomePathways.gmt": [
            "\t".join([f"Pathway {number}", f"R-HSA-{number}", *genes[number : number + 9]]) for number in pathways
        ],
        "reactome/ReactomePathwaysRelation.txt": [f"R-HSA-{number // 2}\tR-HSA-{number}" for number in pathways[1:]],
        "reactome/ReactomePathways.txt": [f"R-HSA-{number}\tPathway {number}\tHomo sapiens" for number in pathways],
        "collectri/CollecTRI_regulons.csv": [
            "source,target,weight,resources,PMID",
            *(f"{genes[number]},{genes[number + 7]},{(-1) ** number},ExTRI,1234567" for number in range(400)),
        ],
    }
    return {name: ("\n".join(lines) + "\n").encode() for name, lines in content.items()}


@cache
def context(origin: Origin, shared: Path | None = None) -> BuildContext:
    """Gene names and terms of one origin, whole."""
    folder = sample_directory() if origin != "real" else (shared or Path()) / "sources"
    settled = BuildContext()
    names = entry("HGNC").read(_only("genes", folder / "hgnc/hgnc_complete_set.txt.gz"), settled).names
    terms = entry("GO").read(_only("ontology", folder / "go/go-basic.obo.gz"), settled).terms
    return BuildContext(names, terms)


def _only(role: str, path: Path) -> FoundFiles:
    return FoundFiles({role: (path,)})


def found_files(base: Base, path: Path, whole: Path) -> FoundFiles:
    """The files of a base's source: the one at `path`, the others as they lie in `whole`."""
    return FoundFiles(
        {
            other.role: (path if other.role == base.role else whole / other.name,)
            for other in GROUPS[base.origin]
            if other.source == base.source
        }
    )


def read(base: Base, path: Path, whole: Path, shared: Path | None = None) -> ParsedSource:
    """A base's source, with `path` in place of its file."""
    return entry(base.source).read(found_files(base, path, whole), context(base.origin, shared))
