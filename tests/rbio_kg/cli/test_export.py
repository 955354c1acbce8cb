"""`export`, the real import, then `stats --digest` and every named query on what was imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.store.queries import named_queries
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.imports import PASSWORD, imported

Built = tuple[Path, dict[str, Any]]


def test_export_says_files_and_command(built: Built, tmp_path: Path) -> None:
    workspace, document = built
    reported = invoke(workspace, "export", "--neo4j-admin", str(tmp_path / "out"))
    assert set(reported) == {"build_id", "files", "command"}
    assert reported["build_id"] == document["build_id"]
    assert reported["files"] == sorted(str(file) for file in (tmp_path / "out").iterdir())
    assert reported["command"].startswith("neo4j-admin database import full neo4j --nodes=")
    shown = CliRunner().invoke(app, ["export", "--neo4j-admin", str(tmp_path / "out"), "--workspace", str(workspace)])
    assert shown.exit_code == 0
    assert reported["command"] in shown.stdout


def test_what_cannot_be_exported(built: Built, tmp_path: Path) -> None:
    workspace, _ = built
    (tmp_path / "mine.txt").write_text("x")
    assert "neither empty nor an export" in fails(workspace, "export", "--neo4j-admin", str(tmp_path))
    assert "rbio-kg build" in fails(tmp_path / "none", "export", "--neo4j-admin", str(tmp_path / "out"))
    assert CliRunner().invoke(app, ["export", "--workspace", str(workspace)]).exit_code == 2


def test_the_digest_of_the_store_is_that_of_the_tables(built: Built) -> None:
    workspace, _ = built
    stats = invoke(workspace, "stats", "--digest")
    assert stats["agrees"] is True
    assert stats["digest"]["store"] == stats["digest"]["tables"]
    with Workspace(workspace) as opened, opened.open_store(read_only=False) as store:
        gene = store.query("MATCH (g:Gene) WHERE g.name IS NOT NULL RETURN g.symbol AS s, g.name AS n LIMIT 1")[0]
        store.write("MATCH (g:Gene {symbol: $s}) SET g.name = 'something else'", s=gene["s"])
        try:
            reported = invoke(workspace, "stats", "--digest")
            assert (reported["agrees"], invoke(workspace, "stats")["agrees"]) == (False, True)
        finally:
            store.write("MATCH (g:Gene {symbol: $s}) SET g.name = $n", gene)


@pytest.mark.neo4j
def test_an_imported_graph_is_the_same_graph(
    built: Built, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, document = built
    invoke(workspace, "export", "--neo4j-admin", str(tmp_path / "out"))
    with imported(shared, tmp_path / "out", tmp_path / "home") as uri:
        monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
        monkeypatch.setenv("NEO4J_PASSWORD", PASSWORD)
        stats = invoke(workspace, "stats", "--digest", "--store", uri)
        assert stats["agrees"] is True
        assert stats["nodes"] == document["nodes"]
        assert stats["relationships"] == document["relationships"]
        # The shared store holds what other tests load, evidence of runs: the import is compared with one of its own.
        with (
            Workspace(workspace) as opened,
            GraphStore.open(f"embedded:{tmp_path / 'store'}") as own,
            GraphStore.open(uri, username="neo4j", password=PASSWORD) as other,
        ):
            assert load_store(own, opened.tables, opened.manifest.to_json()).loaded
            answered = 0
            for query in named_queries().values():
                rows = own.query(query.cypher, query.example())
                found = other.query(query.cypher, query.example())
                assert json.dumps(rows, sort_keys=True) == json.dumps(found, sort_keys=True), query.name
                answered += bool(rows)
            assert answered >= 8
