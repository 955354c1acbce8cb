from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.errors import BuildError, SnapshotError
from rbio_kg.graph.schema.schema import NAMESPACES, STRING_CHANNELS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.snapshot.arrays import Strings, pack_strings
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from tests.support.graphs import small_tables


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(7)


@pytest.fixture(scope="module")
def directory(tables: GraphTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("build") / "snapshot"
    write_snapshot(tables, path, "build-7")
    return path


@pytest.fixture(scope="module")
def snapshot(directory: Path) -> Snapshot:
    return Snapshot.open(directory)


def test_names(snapshot: Snapshot, tables: GraphTables) -> None:
    assert snapshot.build_id == "build-7"
    for names, table, key in (
        (snapshot.genes, "genes", "symbol"),
        (snapshot.terms, "terms", "id"),
        (snapshot.pathways, "pathways", "id"),
    ):
        keys = tables[table][key].sort().to_list()
        assert list(names.keys) == keys
        assert len(names) == len(keys)
        assert [names.index(item) for item in keys] == list(range(len(keys)))
        assert names.index("no such key") == -1
        assert "no such key" not in names
        np.testing.assert_array_equal(names.indices([keys[2], "?", keys[0]]), [2, -1, 0])
    assert list(snapshot.gene_names) == tables["genes"].sort("symbol")["name"].to_list()
    assert snapshot.term_names[3] == tables["terms"].sort("id")["name"][3]
    assert snapshot.synonyms(3) == tables["terms"].sort("id")["synonyms"][3].to_list()
    assert list(snapshot.pathway_names) == tables["pathways"].sort("id")["name"].to_list()


def test_resolve(snapshot: Snapshot, tables: GraphTables, tmp_path: Path) -> None:
    for label, symbol in tables["names"].select("label", "symbol").iter_rows():
        assert snapshot.resolve(label) == symbol
        assert snapshot.resolve(f"9606.{label}") == symbol
    assert snapshot.resolve("GENE0000") is None
    assert snapshot.resolve("") is None
    assert snapshot.resolve("zzz") is None
    # An approved symbol wins over the same word as another gene's alias.
    clash = pl.DataFrame({"label": ["GENE001"], "symbol": ["GENE002"], "kind": ["alias"]})
    write_snapshot(GraphTables({**tables, "names": pl.concat([tables["names"], clash])}), tmp_path, "b")
    assert Snapshot.open(tmp_path).resolve("GENE001") == "GENE001"


def test_interactions_are_symmetric_with_channels_and_source(snapshot: Snapshot, tables: GraphTables) -> None:
    rows = tables["interactions"]
    assert len(snapshot.interactions.indices) == 2 * rows.height
    assert snapshot.interactions.weights.dtype == np.uint16
    for row in rows.iter_rows(named=True):
        a, b = snapshot.genes.index(row["start"]), snapshot.genes.index(row["end"])
        for start, end in ((a, b), (b, a)):
            position = snapshot.interactions.position(start, end)
            assert snapshot.interactions.weights[position] == row["score"]
            assert snapshot.channels[position].tolist() == [row[name] for name in STRING_CHANNELS]
            assert snapshot.interactions.sources is not None
            assert snapshot.sources[snapshot.interactions.sources[position]] == "string"


def test_of_a_pair_stated_twice_the_higher_score_stays_whole(tables: GraphTables, tmp_path: Path) -> None:
    one, other, third = tables["genes"]["symbol"].sort().to_list()[:3]
    stated = [
        (one, other, 500, [1] * len(STRING_CHANNELS), "low"),
        (other, one, 700, [2] * len(STRING_CHANNELS), "high"),
        (one, third, 600, [3] * len(STRING_CHANNELS), "low"),
        (third, one, 600, [4] * len(STRING_CHANNELS), "high"),
        (one, one, 900, [5] * len(STRING_CHANNELS), "low"),
    ]
    frame = pl.DataFrame(
        [(start, end, score, *channels, source) for start, end, score, channels, source in stated],
        schema=TABLE_SCHEMAS["interactions"],
        orient="row",
    )
    write_snapshot(GraphTables({**tables, "interactions": frame}), tmp_path, "b")
    snapshot = Snapshot.open(tmp_path)
    assert snapshot.interactions.sources is not None
    found = {
        (snapshot.genes.keys[row], snapshot.genes.keys[column]): (int(weight), channels[0], snapshot.sources[source])
        for row, column, weight, channels, source in zip(
            snapshot.interactions.rows(),
            snapshot.interactions.indices,
            snapshot.interactions.weights,
            snapshot.channels.tolist(),
            snapshot.interactions.sources,
            strict=True,
        )
    }
    pair, tied = (700, 2, "high"), (600, 4, "high")
    assert found == {(one, other): pair, (other, one): pair, (one, third): tied, (third, one): tied}


def test_regulations_annotations_and_memberships(snapshot: Snapshot, tables: GraphTables) -> None:
    for start, end, sign in tables["regulations"].select("start", "end", "sign").iter_rows():
        a, b = snapshot.genes.index(start), snapshot.genes.index(end)
        assert snapshot.regulates.weights[snapshot.regulates.position(a, b)] == sign
        assert snapshot.regulated_by.weights[snapshot.regulated_by.position(b, a)] == sign
    assert len(snapshot.regulates.indices) == tables["regulations"].height
    for gene, term, evidence in tables["annotations"].select("start", "end", "evidence").iter_rows():
        a, t = snapshot.genes.index(gene), snapshot.terms.index(term)
        weight = snapshot.annotations.weights[snapshot.annotations.position(a, t)]
        assert weight == (1 if list(evidence) == ["IEA"] else 2)
        indices, direct = snapshot.closure.row(a)
        assert direct[indices.tolist().index(t)] == 1
    for gene, pathway in tables["memberships"].select("start", "end").iter_rows():
        assert snapshot.memberships.position(snapshot.genes.index(gene), snapshot.pathways.index(pathway)) >= 0
    counted = tables["memberships"].group_by("end").len().sort("end")
    sizes = dict(zip(snapshot.pathways.keys, snapshot.pathway_sizes.tolist(), strict=True))
    assert {key: size for key, size in sizes.items() if size} == dict(counted.iter_rows())


def test_closure_agrees_with_the_information_content(snapshot: Snapshot, tables: GraphTables) -> None:
    """The tables' content was counted by walking up term by term; the closure must give the same counts."""
    roots = {
        namespace: len(snapshot.term_genes.row(snapshot.terms.index(f"GO:{n + 1}000000"))[0])
        for n, namespace in enumerate(NAMESPACES)
    }
    for i, namespace in enumerate(snapshot.term_namespaces):
        genes = len(snapshot.term_genes.row(i)[0])
        expected = -np.log2(genes / roots[NAMESPACES[namespace]]) if genes else 0.0
        assert snapshot.information_content[i] == pytest.approx(expected, abs=1e-6)
    content = snapshot.information_content
    for gene in range(len(snapshot.genes)):
        assert (np.diff(content[snapshot.closure.row(gene)[0]]) <= 0).all()
    kinds = dict.fromkeys(tables["is_a"].select("start", "end").iter_rows(), 2)
    kinds = dict.fromkeys(tables["part_of"].select("start", "end").iter_rows(), 1) | kinds
    keys, parents = snapshot.terms.keys, snapshot.term_parents
    found = {
        (keys[a], keys[b]): int(w) for a, b, w in zip(parents.rows(), parents.indices, parents.weights, strict=True)
    }
    assert found == kinds


def test_holds_no_knockdown_and_no_question(tables: GraphTables, directory: Path, tmp_path: Path) -> None:
    bare = {name: frame for name, frame in tables.items() if name not in ("knockdowns", "questions")}
    write_snapshot(GraphTables(bare), tmp_path, "build-7")
    without = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.suffix == ".npy"}
    assert without
    assert all((directory / name).read_bytes() == content for name, content in without.items())
    assert (
        Snapshot.open(tmp_path).sources
        == Snapshot.open(directory).sources
        == ("collectri", "go", "goa", "reactome", "string")
    )


def test_same_tables_same_bytes(tables: GraphTables, directory: Path, tmp_path: Path) -> None:
    write_snapshot(GraphTables({name: frame.reverse() for name, frame in tables.items()}), tmp_path, "build-7")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in directory.iterdir())
    assert all((directory / file.name).read_bytes() == file.read_bytes() for file in tmp_path.iterdir())


def test_pickles_as_its_directory(snapshot: Snapshot) -> None:
    content = pickle.dumps(snapshot)
    assert len(content) < 500
    np.testing.assert_array_equal(pickle.loads(content).interactions.indices, snapshot.interactions.indices)


def test_arrays_are_mapped_and_read_only(snapshot: Snapshot) -> None:
    with pytest.raises(ValueError, match="read-only"):
        snapshot.channels[0] = 1


def test_an_empty_graph_is_a_graph(tmp_path: Path) -> None:
    write_snapshot(GraphTables({}), tmp_path, "empty")
    snapshot = Snapshot.open(tmp_path)
    assert len(snapshot.genes) == len(snapshot.interactions) == 0
    assert snapshot.resolve("TP53") is None


def test_a_relationship_to_nowhere_is_refused(tables: GraphTables, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"interactions names GENE000.*genes"):
        write_snapshot(GraphTables({**tables, "genes": tables["genes"].tail(50)}), tmp_path, "b")
    with pytest.raises(SnapshotError):
        Snapshot.open(tmp_path)


def cut(path: Path) -> None:
    file = path / "closure.indices.npy"
    file.write_bytes(file.read_bytes()[:-4])


def flip(path: Path) -> None:
    file = path / "closure.indices.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def edit_header(**changes: object) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        header = json.loads((path / "header.json").read_text())
        (path / "header.json").write_text(json.dumps(header | changes))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, r"closure\.indices\.npy: has \d+ bytes"),
        (flip, "changed"),
        (lambda path: (path / "genes.text.npy").unlink(), r"genes\.text"),
        (lambda path: (path / "header.json").unlink(), "no rbio-kg snapshot"),
        (lambda path: (path / "header.json").write_text('{"kind": '), "header"),
        (lambda path: (path / "header.json").write_text("[]"), "header"),
        (edit_header(version=99), "version 99"),
        (edit_header(kind="something else"), "something else"),
        (edit_header(files={}), "incomplete"),
    ],
)
def test_a_spoilt_snapshot_says_what_to_do(
    tables: GraphTables, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    write_snapshot(tables, tmp_path, "b")
    spoil(tmp_path)
    with pytest.raises(SnapshotError, match=says) as caught:
        Snapshot.open(tmp_path)
    assert "rbio-kg build" in str(caught.value)


def test_strings() -> None:
    words = ["", "TP53", "naïve 名", None, "last"]
    packed = Strings(*pack_strings(words))
    expected = [word or "" for word in words]
    assert list(packed) == expected
    assert [packed[i] for i in range(5)] == expected
    assert packed[-1] == "last"
    assert packed[1:3] == expected[1:3]
    assert "TP53" in packed
    with pytest.raises(IndexError):
        packed[5]
