"""Import files: their bytes, folders that are left alone, exports cut short, and texts through the real neo4j-admin."""

from __future__ import annotations

import fcntl
import itertools
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading.admin_export import MARK, SCRIPT, constraints, write_admin_files
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.store import GraphStore
from tests.contracts.store import small_tables
from tests.support.imports import PASSWORD, imported


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_files(tmp_path: Path) -> None:
    tables = small_tables()
    steps: list[tuple[str, float | None]] = []
    written = write_admin_files(tables, "small-1", tmp_path / "out", lambda *step: steps.append(step))
    assert list(written.files) == sorted((tmp_path / "out").iterdir())
    files = contents(tmp_path / "out")
    groups = [f"nodes-{node.label}" for node in NODES] + [f"relationships-{edge.type}" for edge in RELATIONSHIPS]
    data = [name for group in [*groups, "nodes-Build"] for name in (f"{group}.csv", f"{group}.header.csv")]
    assert set(files) == {*data, "constraints.cypher", SCRIPT, MARK}
    assert files["nodes-Gene.header.csv"] == (
        b"symbol:ID(Gene),hgnc_id:string,entrez:string,ensembl:string,uniprot:string[],name:string,aliases:string[]\n"
    )
    assert files["relationships-EXPRESSED_IN.header.csv"] == (
        b":START_ID(Gene),:END_ID(CellLine),nx:double,source:string\n"
    )
    assert files["nodes-Build.csv"] == b'"small-1","true"\n'
    assert files["nodes-Gene.csv"].startswith(b'"G00","HGNC:0",,,,,\n"G01",')
    for edge in RELATIONSHIPS:
        assert files[f"relationships-{edge.type}.csv"].count(b"\n") == tables[edge.table].height
    assert [share for _, share in steps] == sorted(share for _, share in steps if share is not None)
    assert steps[-1][1] == 1.0


def test_the_command_names_every_file_and_is_one_for_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "with 'quotes' and spaces"
    written = write_admin_files(small_tables(), "small-1", folder)
    words = shlex.split(written.command)
    assert words[:5] == ["neo4j-admin", "database", "import", "full", "neo4j"]
    assert words[-1] == "--array-delimiter=U+001F"
    named = [file for word in words[5:-1] for file in word.split("=", 2)[2].split(",")]
    assert sorted(named) == [str(file) for file in written.files if file.suffix == ".csv"]
    assert len(words) == 5 + len(NODES) + 1 + len(RELATIONSHIPS) + 1


def test_the_same_tables_give_the_same_bytes_and_replace_an_earlier_export(tmp_path: Path) -> None:
    write_admin_files(small_tables(), "small-1", tmp_path / "one")
    write_admin_files(small_tables(), "small-1", tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    write_admin_files(small_tables(seed=8), "small-2", tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "two")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["one", "two"]


def test_constraints_cover_every_key() -> None:
    lines = constraints().splitlines()
    assert len(lines) == len(NODES) + len(EVIDENCE_NODES)
    assert lines[0] == "CREATE CONSTRAINT gene_symbol IF NOT EXISTS FOR (n:Gene) REQUIRE n.symbol IS UNIQUE;"


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("full", "file"):
        with pytest.raises(StoreError, match="neither empty nor an export"):
            write_admin_files(small_tables(), "small-1", tmp_path / name)
    with pytest.raises(StoreError, match="comma"):
        write_admin_files(small_tables(), "small-1", tmp_path / "a,b")
    with pytest.raises(StoreError, match="cannot be written"):
        write_admin_files(small_tables(), "small-1", tmp_path / "file" / "below")
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["file", "full", "thesis.tex"]
    (tmp_path / "empty").mkdir()
    assert write_admin_files(small_tables(), "small-1", tmp_path / "empty").files


@pytest.mark.parametrize("texts", [["a\x1fb", "c"], [""]])
def test_a_list_that_would_read_back_differently_is_an_error(tmp_path: Path, texts: list[str]) -> None:
    tables = small_tables()
    genes = tables["genes"].with_columns(
        aliases=pl.when(pl.col("symbol") == "G07").then(pl.lit(texts)).otherwise(pl.col("aliases"))
    )
    with pytest.raises(StoreError, match="table genes, column aliases"):
        write_admin_files(GraphTables({**tables, "genes": genes}), "x", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from rbio_kg.graph.loading.admin_export import write_admin_files
from tests.contracts.store import small_tables

def kill(message, share):
    if sys.argv[2] in message:
        os.kill(os.getpid(), signal.SIGKILL)

write_admin_files(small_tables(seed=8), "small-2", Path(sys.argv[1]), kill)
"""


@pytest.mark.parametrize("moment", ["CellLine", "ANNOTATED_WITH", "REPORTED_INTERACTION"])
def test_a_killed_export_never_looks_whole(tmp_path: Path, moment: str) -> None:
    for name in ("old", "new"):
        folder = tmp_path / name / "out"
        if name == "old":
            write_admin_files(small_tables(), "small-1", folder)
        before = contents(folder) if folder.exists() else None
        done = subprocess.run([sys.executable, "-c", KILLED, str(folder), moment], check=False)
        assert done.returncode == -signal.SIGKILL
        assert (contents(folder) if folder.exists() else None) == before
        write_admin_files(small_tables(seed=8), "small-2", folder)
        assert [item.name for item in folder.parent.iterdir()] == ["out"]
    assert contents(tmp_path / "old" / "out") == contents(tmp_path / "new" / "out")


def test_two_exports_to_one_folder(tmp_path: Path) -> None:
    locked = tmp_path / ".out.lock"
    locked.mkdir()
    lock = os.open(locked, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process"):
            write_admin_files(small_tables(), "small-1", tmp_path / "out")
    finally:
        os.close(lock)
    assert write_admin_files(small_tables(), "small-1", tmp_path / "out").files


def drawn_texts(count: int) -> list[str]:
    """Texts that are hard on a CSV reader, the same in every run."""
    hard = st.sampled_from(
        ["\n", "\r\n", "\r", '"', '""', ",", ";", "\\", '\\"', " ", "\t", "'", "\x0b", "\u2028", "é", "😀"]
    )
    texts: list[str] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None)
    @given(st.lists(hard | st.text(max_size=3), max_size=6).map("".join))
    def draw(text: str) -> None:
        texts.append(text)

    draw()
    return texts


@pytest.mark.neo4j
def test_any_text_comes_back_from_the_real_import(shared: Path, tmp_path: Path) -> None:
    texts = drawn_texts(600)
    lists = [[text.replace("\x1f", "") for text in (one, "between", two)] for one, two in itertools.pairwise(texts)]
    rows = [
        {"symbol": f"{i} {text}", "name": text, "aliases": pair, "uniprot": []}
        for i, (text, pair) in enumerate(zip(texts, lists, strict=False))
    ]
    tables = small_tables()
    genes = pl.DataFrame(rows, schema=tables["genes"].schema)
    sets = tables["gene_sets"]
    members = pl.DataFrame(
        [{"start": row["symbol"], "end": sets["id"][0], "source": row["name"]} for row in rows],
        schema=tables["set_members"].schema,
    )
    nasty = GraphTables({"genes": genes, "gene_sets": sets, "set_members": members})
    export = tmp_path / "out"
    written = write_admin_files(nasty, "nasty", export)
    assert "--multiline-fields=true" in written.command
    with (
        imported(shared, export, tmp_path / "home") as uri,
        GraphStore.open(uri, username="neo4j", password=PASSWORD) as store,
    ):
        assert store.check() == "nasty"
        found = store.query(
            "MATCH (g:Gene)-[r:IN_SET]->(:GeneSet) "
            "RETURN g.symbol AS symbol, g.name AS name, g.aliases AS aliases, g.uniprot AS uniprot, r.source AS source"
        )
    wanted = [row | {"uniprot": None, "source": row["name"]} for row in rows]
    assert sorted(found, key=lambda row: row["symbol"]) == sorted(wanted, key=lambda row: row["symbol"])
