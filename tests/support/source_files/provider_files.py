"""A small sources directory in the providers' formats, with rows made up for the tests."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.sources import go, hgnc

_GENES = """\
hgnc_id\tsymbol\tname\tstatus\tlocation\talias_symbol\tprev_symbol\tdate_modified\tentrez_id\tensembl_gene_id\tuniprot_ids
HGNC:1\tAAA1\tfirst gene\tApproved\t1p1\t"OLDA|SHARED"\tFORMERA\t2024-01-02\t101\tENSG00000000001\tP00001
HGNC:2\tBBB1\tsecond gene, "quoted"\tApproved\t1p2\tSHARED\t\t2024-05-06\t102\tENSG00000000002\t"P00002|P00009"
HGNC:3\tCCC1\tthird gene\tApproved\t1p3\tAAA1\tFORMERC\t2023-01-01\t103\tENSG00000000003\tP00003
HGNC:4\tDDD1\tfourth gene\tApproved\t1p4\t\t\t\t104\t\tP00009
HGNC:5\tEEE1\tgone\tEntry Withdrawn\t\t\t\t\t105\t\t
"""
_GROUPS = (
    "gene_group\tgene_group_id", '"First family|Second family"\t"11|12"', "First family\t11", "\t",
    '"First family|Third family"\t11', "Second family\t12",
)  # fmt: skip
HGNC = "".join(f"{gene}\t{group}\n" for gene, group in zip(_GENES.splitlines(), _GROUPS, strict=True))

OBO = """\
format-version: 1.2
data-version: releases/2024-03-04
ontology: go

[Term]
id: GO:0000001
name: root process
namespace: biological_process

[Term]
id: GO:0000002
name: branch
namespace: biological_process
alt_id: GO:0000020
def: "What a branch is." [TEST:1]
synonym: "bough" EXACT []
synonym: "tree" BROAD []
is_a: GO:0000001 ! root process

[Term]
id: GO:0000003
name: leaf
namespace: biological_process
is_a: GO:0000002 {source="x"} ! branch
relationship: positively_regulates GO:0000004 ! side
relationship: has_part GO:0000002 ! branch

[Term]
id: GO:0000004
name: side
namespace: biological_process
is_a: GO:0000001
relationship: part_of GO:0000002

[Term]
id: GO:0000005
name: root function
namespace: molecular_function

[Term]
id: GO:0000007
name: obsolete twig
namespace: biological_process
is_obsolete: true
replaced_by: GO:0000003

[Term]
id: GO:0000008
name: obsolete thing
namespace: biological_process
is_obsolete: true
consider: GO:0000003

[Typedef]
id: part_of
name: part of
"""


def gaf_row(
    symbol: str,
    term: str,
    *,
    qualifier: str = "involved_in",
    evidence: str = "IDA",
    aspect: str = "P",
    reference: str = "PMID:1",
    taxon: str = "taxon:9606",
    accession: str = "Q99999",
    db: str = "UniProtKB",
) -> str:
    """One line of GAF with 17 columns."""
    fields = [db, accession, symbol, qualifier, term, reference, evidence, "", aspect, "a name", "", "protein", taxon]
    return "\t".join([*fields, "20240203", "TEST", "", ""])


GAF = "\n".join(
    [
        "!gaf-version: 2.2",
        "!date-generated: 2024-04-05T10:00",
        gaf_row("AAA1", "GO:0000003"),
        gaf_row("AAA1", "GO:0000003", evidence="IEA", reference="PMID:2|GO_REF:0000000"),
        gaf_row("FORMERC", "GO:0000020"),
        gaf_row("UNHEARD", "GO:0000004", accession="P00002"),
        gaf_row("BBB1", "GO:0000005", qualifier="enables", aspect="F"),
        gaf_row("BBB1", "GO:0000003", qualifier="NOT|involved_in"),
        gaf_row("BBB1", "GO:0000007"),
        gaf_row("BBB1", "GO:0000008"),
        gaf_row("BBB1", "GO:0000099"),
        gaf_row("SHARED", "GO:0000003"),
        gaf_row("AAA1", "GO:0000003", taxon="taxon:10090"),
        gaf_row("AAA1", "GO:0000002", taxon="taxon:9606|taxon:562"),
        "too\tshort",
        "",
    ]
)

INFO = """\
#string_protein_id\tpreferred_name\tprotein_size\tannotation
9606.ENSP01\tAAA1\t10\tfirst; "odd" text
9606.ENSP02\tBBB1\t10\tsecond
9606.ENSP03\tFORMERC\t10\tthird
9606.ENSP04\tNOGENE\t10\tfourth
9606.ENSP11\tOLDA\t10\tanother protein of the first gene
"""
LINKS = """\
protein1 protein2 combined_score
9606.ENSP01 9606.ENSP02 700
9606.ENSP02 9606.ENSP01 700
9606.ENSP11 9606.ENSP02 900
9606.ENSP03 9606.ENSP01 450
9606.ENSP03 9606.ENSP01 450
9606.ENSP01 9606.ENSP11 999
9606.ENSP01 9606.ENSP04 800
9606.ENSP02 9606.ENSP03 150
9606.ENSP02 9606.ENSP77 800
9606.ENSP02 9606.ENSP03 high
"""
REACTOME = """\
First pathway\tR-HSA-1\tAAA1\tBBB1\tvirus
Second pathway\tR-HSA-2\tFORMERA\tAAA1
A mouse's\tR-MMU-9\tAAA1
no id\tHSA2\tAAA1
"""
REACTOME_RELATIONS = "R-HSA-3\tR-HSA-1\nR-HSA-3\tR-HSA-2\nR-BTA-3\tR-BTA-1\nR-HSA-4\tR-HSA-3\n"
REACTOME_NAMES = "R-HSA-1\tOlder name\tHomo sapiens\nR-HSA-3\tUpper pathway\tHomo sapiens\nR-BTA-1\tCow's\tBos taurus\n"
WIKIPATHWAYS = """\
A pathway%WikiPathways_20240910%WP10%Homo sapiens\thttp://example.org/WP10\t101\t103\t999
Other%WikiPathways_20240910%WP11%Mus musculus\thttp://example.org/WP11\t101
"""
COLLECTRI = """\
source,target,weight,resources,PMID
AAA1,BBB1,1,"ExTRI,SIGNOR","1234567;7654321"
FORMERA,CCC1,-1,x,
AAA1,CCC1,-1,x,
BBB1,AAA1,1,x,
BBB1,AAA1,-1,x,
AP1,AAA1,1,x,
CCC1,CCC1,1,x,
AAA1,DDD1,strong,x,
"""
HPA = """\
Gene\tGene name\tCell line\tTPM\tpTPM\tnTPM
ENSG00000000001\tFIRST\tK-562\t9.0\t9.1\t12.5
ENSG00000000002\tBBB1\tK-562\t0.5\t0.6\t0.9
ENSG99999999999\tFORMERC\tK-562\t1.0\t1.0\t1.0
ENSG99999999998\tNOGENE\tK-562\t5.0\t5.0\t5.0
ENSG00000000001\tAAA1\tA-431\t9.0\t9.1\t12.5
ENSG00000000002\tBBB1\tK-562\t0.5\t0.6\tmuch
"""
_BIOGRID_COLUMNS = (
    "#BioGRID Interaction ID", "Entrez Gene Interactor A", "Entrez Gene Interactor B", "Official Symbol Interactor A",
    "Official Symbol Interactor B", "Experimental System", "Experimental System Type", "Author", "Publication Source",
    "Organism ID Interactor A", "Organism ID Interactor B", "Throughput",
)  # fmt: skip


def biogrid(*pairs: tuple[str, str, str, str], kind: str = "physical", taxon: str = "9606") -> str:
    """BioGRID's TAB 3.0 with the columns that are read and some more; (NCBI id, symbol, NCBI id, symbol) a row."""
    lines = ["\t".join(_BIOGRID_COLUMNS)]
    for number, (one, first, other, second) in enumerate(pairs, 1):
        fields = [str(number), one, other, first, second, "Two-hybrid", kind, "Doe J (2001)", f"PUBMED:{number}"]
        lines.append("\t".join([*fields, "9606", taxon, "Low Throughput"]))
    return "\n".join(lines) + "\n"


BIOGRID = biogrid(("101", "AAA1", "102", "BBB1"), ("103", "OLD", "101", "AAA1"), ("-", "virus", "101", "AAA1"))
_MITAB_COLUMNS = (
    "#ID(s) interactor A", "ID(s) interactor B", "Alt. ID(s) interactor A", "Alt. ID(s) interactor B",
    "Alias(es) interactor A", "Alias(es) interactor B", "Interaction detection method(s)",
    "Publication 1st author(s)", "Publication Identifier(s)", "Taxid interactor A", "Taxid interactor B",
    "Negative",
)  # fmt: skip
HUMAN = "taxid:9606(human)|taxid:9606(Homo sapiens)"


def mitab(*pairs: tuple[str, str], aliases: str = "-", taxon: str = HUMAN, negative: str = "false") -> str:
    """PSI-MI TAB 2.7 with the columns that are read and some more; (identifier, identifier) a row."""
    lines = ["\t".join(_MITAB_COLUMNS)]
    method = 'psi-mi:"MI:0018"(two hybrid)'
    for number, (one, other) in enumerate(pairs, 1):
        fields = [one, other, "-", "-", "-", aliases, method, "Doe et al. (2001)", f"pubmed:{number}|imex:IM-1"]
        lines.append("\t".join([*fields, HUMAN, taxon, negative]))
    return "\n".join(lines) + "\n"


INTACT = mitab(("uniprotkb:P00001", "uniprotkb:P00002-2"), ("intact:EBI-1", "uniprotkb:P00002"))
CORUM = """\
ComplexID\tComplexName\tOrganism\tSynonyms\tsubunits(UniProt IDs)\tsubunits(Entrez IDs)
1\tFirst complex\tHuman\tNone\tP00001;P00002\t101;102
2\tMouse complex\tMouse\tNone\tP99999\t999
3\tAnother complex\tHuman\tNone\tP00002;P77777\t102; 777
"""
COESSENTIAL = """\
Cluster number\tHeatmap URL\tMost-enriched GO term\tMost-enriched enrichment\tMost-enriched p\tGenes\t\t
1\texample.org/1.pdf\tmolecular function:branch binding\t8.07\t1.52E-28\tAAA1\tFORMERC\tNOGENE
2\texample.org/2.pdf\t\t\t\tBBB1\tCCC1\t
"""
DE = """\
pert,gene,label,split
AAA1,BBB1,1,train
AAA1,FORMERC,1,train
AAA1,DDD1,0,train
FORMERA,NOGENE,1,train
BBB1,CCC1,1,test
"""
DIRECTION = "pert,gene,label,split\nAAA1,BBB1,1,train\nBBB1,CCC1,0,test\n"

FILES = {
    "hgnc/hgnc_complete_set.txt": HGNC,
    "go/go-basic.obo": OBO,
    "go/goa_human.gaf": GAF,
    "string/9606.protein.info.v12.0.txt": INFO,
    "string/9606.protein.links.v12.0.txt": LINKS,
    "reactome/ReactomePathways.gmt": REACTOME,
    "reactome/ReactomePathwaysRelation.txt": REACTOME_RELATIONS,
    "reactome/ReactomePathways.txt": REACTOME_NAMES,
    "wikipathways/wikipathways-20240910-gmt-Homo_sapiens.gmt": WIKIPATHWAYS,
    "collectri/CollecTRI_regulons.csv": COLLECTRI,
    "hpa/rna_celline.tsv": HPA,
    "extra/BIOGRID-ALL-4.4.232.tab3.txt": BIOGRID,
    "extra/human.txt": INTACT,
    "extra/clusterOne_clusters.tsv": COESSENTIAL,
    "corum/allComplexes.txt": CORUM,
    "perturbqa/k562-de.csv": DE,
    "perturbqa/k562-dir.csv": DIRECTION,
}
SMALL = BuildOptions(names=NameRules(most=1.0))
"""Options for these files: a row of each source names no gene on purpose, which is a large share of a few rows."""
FORMS = ("plain", "gz", "zip")


def packed(content: str | bytes, form: str, name: str = "file.txt") -> bytes:
    """The content as plain bytes, gzipped or zipped, the same bytes each time."""
    data = content.encode() if isinstance(content, str) else content
    if form == "gz":
        return gzip.compress(data, mtime=0)
    if form == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name, (2024, 6, 7, 0, 0, 0)), data)
        return buffer.getvalue()
    return data


def write_sources(root: Path, form: str = "plain", **changed: str) -> Path:
    """The whole directory; `changed` replaces contents, by the file's name without folder."""
    for name, content in FILES.items():
        stem = Path(name).name
        path = root / (name if form == "plain" else f"{name}.{form}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(changed.get(stem, content), form, stem))
    return root


def file_of(folder: Path, content: str | bytes, name: str = "file.txt") -> Path:
    """One file with that content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def files(role: str, *paths: Path, **others: Path) -> FoundFiles:
    """The files of one source."""
    return FoundFiles({role: paths, **{name: (path,) for name, path in others.items()}})


def context(min_score: int = 400) -> BuildContext:
    """Names and terms of the small HGNC and GO files."""
    return replace(_settled(), min_score=min_score)


@cache
def _settled() -> BuildContext:
    with TemporaryDirectory() as name:
        folder = Path(name)
        names = hgnc.read(files("genes", file_of(folder, HGNC)), BuildContext()).names
        terms = go.read(files("ontology", file_of(folder, OBO)), BuildContext()).terms
    return BuildContext(names, terms)


def reasons(rejections: list[Rejections]) -> list[tuple[int, str]]:
    """Line and reason of every remembered rejection."""
    return [(reason.line, reason.why) for part in rejections for reason in part.reasons]


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """The rows of some columns, sorted."""
    return sorted(frame.select(columns).rows())
