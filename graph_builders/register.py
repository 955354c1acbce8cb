"""The register of sources: what each is called, where its files lie, who publishes them and under which licence.

A new source is one module with a `read` function and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from rbio_kg.errors import SourceError

if TYPE_CHECKING:
    from graph_builders.reading import BuildContext, FoundFiles, Reading

    Reader = Callable[[FoundFiles, BuildContext], Reading]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source. Every name is accepted plain, with `.gz` and with `.zip`.

    Args:
        role: what the reading module calls the file.
        name: the file's name as the provider serves it; downloads are stored under it.
        alternatives: other names accepted, as shell patterns (`*`), the most wanted first.
        url: the provider's address, or None where there is none to download from.
        required: False for a file that the source can do without.
        sha256: the expected digest of the download, None where the provider's file changes over time.
        many: True where all matching files are read (one cell line each), not just one.
    """

    role: str
    name: str
    alternatives: tuple[str, ...] = ()
    url: str | None = None
    required: bool = True
    sha256: str | None = None
    many: bool = False


@dataclass(frozen=True)
class SourceEntry:
    """One source.

    Args:
        name: the name that relationships carry in `source`, also accepted in lower case on the command line.
        folder: where its files lie under the sources directory.
        files: its files.
        licence: licence of the data, as the provider states it.
        commercial: True where it allows commercial use.
        url: the provider's home.
        required: True where a graph cannot be built without it.
        read: `module:function` of the reader.
        title: what it is, for people.
    """

    name: str
    folder: str
    files: tuple[SourceFile, ...]
    licence: str
    commercial: bool
    url: str
    required: bool
    read: str
    title: str

    def reader(self) -> Reader:
        """The reading function, imported on first use."""
        module, function = self.read.split(":")
        return cast("Reader", getattr(import_module(module), function))


_STRING = "https://stringdb-downloads.org/download"
_REACTOME = "https://reactome.org/download/current"
_PERTURBQA = "https://raw.githubusercontent.com/Genentech/PerturbQA/main/perturbqa/datasets"
_CELL_LINES = ("k562", "rpe1", "hepg2", "jurkat")


def _questions(task: str) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(
            role=task,
            name=f"{line}-{task}.csv",
            alternatives=(f"*-{task}.csv",),
            url=f"{_PERTURBQA}/{line}-{task}.csv",
            required=False,
            many=True,
        )
        for line in _CELL_LINES
    )


# The order is the order of reading: gene names and terms come before what refers to them.
REGISTER: tuple[SourceEntry, ...] = (
    SourceEntry(
        "HGNC",
        "hgnc",
        (
            SourceFile(
                "genes",
                "hgnc_complete_set.txt",
                ("hgnc_complete_set*.txt", "hgnc_complete_set*.tsv"),
                "https://storage.googleapis.com/public-download-files/hgnc/tsv/tsv/hgnc_complete_set.txt",
            ),
        ),
        "CC0 1.0",
        True,
        "https://www.genenames.org",
        True,
        "graph_builders.hgnc:read",
        "human gene names",
    ),
    SourceEntry(
        "GO",
        "go",
        (SourceFile("ontology", "go-basic.obo", ("go.obo",), "http://purl.obolibrary.org/obo/go/go-basic.obo"),),
        "CC BY 4.0",
        True,
        "https://geneontology.org",
        True,
        "graph_builders.go:read",
        "Gene Ontology terms and their relations",
    ),
    SourceEntry(
        "GOA",
        "go",
        (
            SourceFile(
                "annotations",
                "goa_human.gaf.gz",
                ("goa_human.gaf", "goa_human*.gaf"),
                "http://current.geneontology.org/annotations/goa_human.gaf.gz",
            ),
        ),
        "CC BY 4.0",
        True,
        "https://geneontology.org",
        True,
        "graph_builders.annotations:read",
        "GO annotations of human genes",
    ),
    SourceEntry(
        "STRING",
        "string",
        (
            SourceFile(
                "info",
                "9606.protein.info.v12.0.txt.gz",
                ("9606.protein.info.v*.txt",),
                f"{_STRING}/protein.info.v12.0/9606.protein.info.v12.0.txt.gz",
            ),
            SourceFile(
                "links",
                "9606.protein.links.full.v12.0.txt.gz",
                (
                    "9606.protein.links.full.v*.txt",
                    "9606.protein.links.detailed.v*.txt",
                    "9606.protein.links.v*.txt",
                ),
                f"{_STRING}/protein.links.full.v12.0/9606.protein.links.full.v12.0.txt.gz",
            ),
        ),
        "CC BY 4.0",
        True,
        "https://string-db.org",
        True,
        "graph_builders.string:read",
        "functional associations of proteins",
    ),
    SourceEntry(
        "Reactome",
        "reactome",
        (
            SourceFile(
                "members",
                "ReactomePathways.gmt.zip",
                ("ReactomePathways.gmt",),
                f"{_REACTOME}/ReactomePathways.gmt.zip",
            ),
            SourceFile(
                "hierarchy",
                "ReactomePathwaysRelation.txt",
                (),
                f"{_REACTOME}/ReactomePathwaysRelation.txt",
                required=False,
            ),
            SourceFile("names", "ReactomePathways.txt", (), f"{_REACTOME}/ReactomePathways.txt", required=False),
        ),
        "CC0 1.0",
        True,
        "https://reactome.org",
        False,
        "graph_builders.reactome:read",
        "pathways, their members and their hierarchy",
    ),
    SourceEntry(
        "WikiPathways",
        "wikipathways",
        (
            SourceFile(
                "members",
                "wikipathways-20240910-gmt-Homo_sapiens.gmt",
                ("wikipathways*Homo_sapiens*.gmt", "*.gmt"),
                "https://data.wikipathways.org/20240910/gmt/wikipathways-20240910-gmt-Homo_sapiens.gmt",
            ),
        ),
        "CC0 1.0",
        True,
        "https://www.wikipathways.org",
        False,
        "graph_builders.wikipathways:read",
        "community pathways and their members",
    ),
    SourceEntry(
        "CollecTRI",
        "collectri",
        (
            SourceFile(
                "regulation",
                "CollecTRI_regulons.csv",
                ("collectri.csv", "[cC]ollec[tT][rR][iI]*.csv"),
                "https://zenodo.org/records/8192729/files/CollecTRI_regulons.csv",
            ),
        ),
        "each compiled resource keeps its own licence; academic use",
        False,
        "https://github.com/saezlab/CollecTRI",
        False,
        "graph_builders.collectri:read",
        "signed regulation of targets by transcription factors",
    ),
    SourceEntry(
        "PerturbQA",
        "perturbqa",
        (
            *_questions("de"),
            *_questions("dir"),
            SourceFile("simulated", "simulated.json", required=False),
        ),
        "CC BY 4.0",
        True,
        "https://github.com/Genentech/PerturbQA",
        False,
        "graph_builders.perturbqa:read",
        "questions on the effects of knockdowns, with measured answers",
    ),
)


def entry(name: str) -> SourceEntry:
    """The entry called `name`, whatever the case.

    Raises:
        SourceError: no source has that name.
    """
    for item in REGISTER:
        if item.name.lower() == name.lower():
            return item
    known = ", ".join(item.name.lower() for item in REGISTER)
    raise SourceError(f"no source is called {name!r}", hint=f"known: {known}")
