"""The providers' own data: what is kept, what is not, and that two processes make the same bytes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.graph_builders.build.manifest import Manifest
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles
from rbio_kg.graph_builders.parsing.readers import numbered_lines
from rbio_kg.graph_builders.sources import go, goa, hgnc
from tests.support.locations import ROOT

pytestmark = pytest.mark.slow

ANOTHER_PROCESS = """
import sys
from pathlib import Path
from rbio_kg.graph_builders.build.build import build_tables
build_tables(Path(sys.argv[1]))[0].write(Path(sys.argv[2]))
"""


@dataclass(frozen=True)
class Built:
    tables: GraphTables
    manifest: Manifest
    folder: Path
    other: Path


@pytest.fixture(scope="module")
def built(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder, other = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("other")
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, str(shared / "sources"), str(other)],
        cwd=ROOT,
        # Another seed gives sets another order: what depends on it would show.
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    tables, manifest = build_tables(shared / "sources")
    tables.write(folder)
    assert process.wait() == 0
    yield Built(tables, manifest, folder, other)


def test_two_processes_write_the_same_bytes(built: Built) -> None:
    names = sorted(path.name for path in built.folder.iterdir())
    assert len(names) == len(built.tables)
    for name in names:
        assert (built.folder / name).read_bytes() == (built.other / name).read_bytes(), name


def test_counts(built: Built) -> None:
    # As the files themselves have them: 43,558 live terms and 206,622 pairs, of which 17 lack a gene in HGNC.
    assert built.manifest.nodes["GoTerm"] == 43_558
    assert built.manifest.relationships["IS_A"] == 70_058
    assert built.manifest.relationships["PART_OF"] == 6_997
    assert built.manifest.relationships["REGULATES_TERM"] == 3_184 + 2_732 + 2_742
    assert built.manifest.relationships["INTERACTS_WITH"] == 206_622 - 17
    assert built.manifest.relationships["REGULATES"] == 43_178 - 1_433
    assert built.tables["questions"].filter(task="de").height == 471_657
    assert built.tables["questions"].filter(task="dir").height == 64_492
    assert 20_000 < built.manifest.nodes["Gene"] < 23_000


def test_the_share_of_rows_without_a_gene(built: Built) -> None:
    losses = built.manifest.losses
    assert max(found.share for found in losses.values()) < 0.05
    assert [(name.label, name.rows) for name in losses["CollecTRI"].first[:2]] == [("NFKB", 799), ("AP1", 596)]
    assert (losses["PerturbQA"].kept, losses["PerturbQA"].rows) == (1_210, 0)


def test_a_gene_of_a_virus_is_no_human_gene(built: Built) -> None:
    # Reactome lists HIV's `tat` and `vpu` in the pathways of HIV; TAT and SGTA (alias VPU) are human genes.
    members = set(built.tables["memberships"].filter(end="R-HSA-162587")["start"])
    assert "CCNT1" in members
    assert not {"TAT", "SGTA"} & members


def test_every_kind_of_identifier_names_its_gene(built: Built) -> None:
    labels = ("LFS1", "HGNC:11998", "7157", "ENSG00000141510", "P04637", "ENSP00000269305")
    found = built.tables["names"].filter(symbol="TP53")
    assert set(labels) <= set(found["label"])
    kinds = {"approved", "alias", "hgnc", "entrez", "ensembl", "uniprot", "string"}
    assert kinds <= set(found["kind"])
    assert built.manifest.names["ambiguous"]["count"] > 1_000
    assert "TAZ" not in set(built.tables["names"]["label"])


def test_what_describes_genes_makes_none_a_node(built: Built) -> None:
    for table in ("set_members", "expression", "reported_interactions"):
        assert built.tables[table]["start"].is_in(built.tables["genes"]["symbol"].implode()).all()
    lines = built.tables["expression"]["end"].value_counts()
    assert set(lines["end"]) == {"hepg2", "k562", "rpe1"}
    assert lines["count"].is_between(10_000, 12_000).all()
    kinds = dict(built.tables["gene_sets"]["kind"].value_counts().rows())
    assert kinds["co-essential module"] == 1_892
    assert kinds["HGNC gene group"] > 1_500
    reported = dict(built.tables["reported_interactions"]["source"].value_counts().rows())
    assert 800_000 < reported["BioGRID"] < 908_467
    assert 300_000 < reported["IntAct"] < 316_946
    assert (built.tables["reported_interactions"]["start"] < built.tables["reported_interactions"]["end"]).all()


def test_membership_is_closed_upward(built: Built) -> None:
    members: dict[str, set[str]] = {}
    for gene, pathway in built.tables["memberships"].select("start", "end").iter_rows():
        members.setdefault(pathway, set()).add(gene)
    for child, parent in built.tables["pathway_parents"].select("start", "end").iter_rows():
        assert members.get(child, set()) <= members.get(parent, set())
    # Reactome lists members of parts itself, but for what its files of different releases differ by.
    reactome = built.manifest.source("Reactome")
    assert reactome is not None
    followed = built.tables["memberships"].filter(~pl.col("direct")).height
    assert 0 < followed == reactome.notes["memberships that follow from sub-pathways"] < 1_000


def test_every_row_is_accounted_for(built: Built) -> None:
    for source in built.manifest.sources:
        lost = built.manifest.unmapped.get(source.name, {"rows": 0})["rows"]
        assert source.rows_read == source.rows + source.rejected + sum(source.left_out.values()) + lost, source.name
        assert source.rejected == 0, source.reasons
        assert not source.simulated


def test_relationships_join_nodes(built: Built) -> None:
    keys = {node.label: built.tables[node.table][node.key] for node in NODES}
    for relationship in RELATIONSHIPS:
        frame = built.tables[relationship.table]
        assert frame.height > 0
        for column, label in (("start", relationship.start), ("end", relationship.end)):
            assert frame[column].is_in(keys[label].implode()).all(), relationship.type
        assert frame.select("start", "end", *relationship.unique_by).is_unique().all()


def test_pairs_are_stored_once_and_scores_are_in_range(built: Built) -> None:
    pairs = built.tables["interactions"]
    assert (pairs["start"] < pairs["end"]).all()
    assert pairs["score"].is_between(400, 1000).all()
    # Spot check against the file: 9606.ENSP00000000233 is ARF5, 9606.ENSP00000440005 is ARL1.
    line = built.tables["names"].filter(label="ENSP00000440005")["symbol"].item()
    (pair,) = pairs.filter(start=min("ARF5", line), end=max("ARF5", line)).to_dicts()
    assert (pair["score"], pair["experiments"], pair["database"]) == (859, 711, 500)


def test_information_content(built: Built) -> None:
    terms = built.tables["terms"]
    roots = terms.filter(pl.col("id").is_in(["GO:0008150", "GO:0003674", "GO:0005575"]))
    assert roots["information_content"].to_list() == [0.0, 0.0, 0.0]
    content = dict(terms.select("id", "information_content").rows())
    for table in ("is_a", "part_of"):
        for child, parent in built.tables[table].select("start", "end").iter_rows():
            if content[child] is not None:
                assert content[parent] <= content[child] + 1e-9


def test_no_test_row_reaches_the_graph(built: Built) -> None:
    keys = {"start": "pert", "end": "gene", "cell_line": "cell_line"}
    train = built.tables["questions"].filter(task="de", split="train", label=1)
    found = built.tables["knockdowns"].join(train, left_on=list(keys), right_on=list(keys.values()), how="semi")
    assert found.height == built.tables["knockdowns"].height == train.height - 158
    assert set(built.tables["knockdowns"]["direction"]) <= {"increase", "decrease", "unknown"}


def test_the_unchanged_files_of_2019(shared: Path) -> None:
    folder = shared / "sources" / "go" / "2019"
    names = hgnc.read(files("genes", shared / "sources" / "hgnc" / "hgnc_complete_set.txt.gz"), BuildContext()).names
    ontology = go.read(files("ontology", folder / "go.obo.gz"), BuildContext())
    assert ontology.left_out["relation has_part"] == 726
    assert ontology.frames["part_of"].height == 7_942
    parsed = goa.read(
        files("annotations", folder / "goa_human.gaf.gz"), BuildContext(names=names, terms=ontology.terms)
    )
    assert parsed.rows_read == 475_402
    assert parsed.left_out == {"NOT annotations": 1_170 + 13 + 4}
    assert (parsed.version, parsed.date) == ("GAF 2.1", "2019-01-14")
    edges = parsed.frames["annotations"]
    assert not edges["qualifier"].str.contains("NOT").any()
    assert set(edges["qualifier"]) == {"involved_in", "enables", "located_in", "contributes_to", "colocalizes_with"}
    denied: set[tuple[str, str]] = set()
    stated: set[tuple[str, str]] = set()
    for _, line in numbered_lines(folder / "goa_human.gaf.gz"):
        if not line.startswith("!"):
            fields = line.split("\t")
            (denied if "NOT" in fields[3] else stated).add((fields[2], fields[4]))
    kept = set(edges.select("start", "end").rows())
    assert not (denied - stated) & kept
    assert denied - stated


def test_old_annotations_on_new_terms(shared: Path) -> None:
    sources = shared / "sources"
    names = hgnc.read(files("genes", sources / "hgnc" / "hgnc_complete_set.txt.gz"), BuildContext()).names
    ontology = go.read(files("ontology", sources / "go" / "go-basic.obo.gz"), BuildContext())
    old = sources / "go" / "2019" / "goa_human.gaf.gz"
    parsed = goa.read(files("annotations", old), BuildContext(names=names, terms=ontology.terms))
    # The obvious way: the stanzas line by line.
    leads: dict[str, str] = {}
    obsolete: set[str] = set()
    term = ""
    for _, line in numbered_lines(sources / "go" / "go-basic.obo.gz"):
        if line.startswith("id: "):
            term = line[4:]
        elif line.startswith("alt_id: "):
            leads[line[8:]] = term
        elif line == "is_obsolete: true":
            obsolete.add(term)
    expected: set[tuple[str, str]] = set()
    dead = 0
    genes = set(parsed.frames["annotations"]["start"])
    for _, line in numbered_lines(old):
        fields = line.split("\t")
        if line.startswith("!") or "NOT" in fields[3]:
            continue
        dead += fields[4] in obsolete
        if fields[4] in leads and fields[2] in genes:
            expected.add((fields[2], leads[fields[4]]))
    edges = parsed.frames["annotations"]
    assert len(expected) > 1_000
    assert expected <= set(edges.select("start", "end").rows())
    assert parsed.rejected == dead > 1_000
    assert parsed.notes["rows with a term id replaced"] > 5_000
    assert edges["end"].is_in(ontology.frames["terms"]["id"].implode()).all()


def files(role: str, path: Path) -> FoundFiles:
    return FoundFiles({role: (path,)})
