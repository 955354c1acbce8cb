"""`export --graphml` as scripts call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from tests.support.commands import fails, invoke


def test_the_whole_graph_and_a_part(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, document = built
    path = tmp_path / "graph.graphml"
    whole = invoke(workspace, "export", "--graphml", str(path))
    assert whole == {key: document[key] for key in ("build_id", "nodes", "relationships")} | {"files": [str(path)]}
    near = ("--genes", "TP53, MDM2", "--radius", "1", "--relation", "INTERACTS_WITH", "--relation", "MEMBER_OF")
    part = invoke(workspace, "export", "--graphml", str(path), *near, "--min-score", "900")
    read = nx.read_graphml(path, force_multigraph=True)
    assert {"Gene:TP53", "Gene:MDM2"} < set(read.nodes)
    assert read.number_of_nodes() == sum(part["nodes"].values())
    assert read.number_of_edges() == sum(part["relationships"].values())
    assert set(part["relationships"]) == {"INTERACTS_WITH", "MEMBER_OF"}
    assert min(data["score"] for *_, data in read.edges(data=True) if "score" in data) >= 900
    with_ancestors = ("--genes", "TP53", "--relation", "ANNOTATED_WITH", "--ancestors")
    assert invoke(workspace, "export", "--graphml", str(path), *with_ancestors)["relationships"]["IS_A"] > 0


def test_what_cannot_be_written(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "graph.graphml"
    assert "no gene is called 'tp5' (did you mean TP53" in fails(
        built[0], "export", "--graphml", str(path), "--genes", "tp5"
    )
    assert "did you mean INTERACTS_WITH?" in fails(
        built[0], "export", "--graphml", str(path), "--relation", "INTERACTS"
    )
    assert "no gene is named" in fails(built[0], "export", "--graphml", str(path), "--genes", ",")
    assert not path.exists()
    assert "Is a directory" in fails(built[0], "export", "--graphml", str(tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--graphml", "a.graphml", "--neo4j-admin", "a"),
        ("--neo4j-admin", "a", "--genes", "TP53"),
        ("--graphml", "a.graphml", "--radius", "-1"),
    ],
)
def test_wrong_usage(built: tuple[Path, dict[str, Any]], arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["export", *arguments, "--workspace", str(built[0])]).exit_code == 2
