"""docs/howto/tools.md says what is so: its examples run, and the sample graph comes out whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import rbio_kg
from tests.support.locations import DOCS

DOCUMENT = DOCS / "howto" / "tools.md"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # on importing torch_geometric.transforms
def test_the_examples_run(
    built: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built[0].parent)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), names)  # noqa: S102
    out = capsys.readouterr().out
    assert "tumor protein p53" in out
    assert "['Gene:MDM2', 'Gene:TP53']" in out
    assert out.splitlines()[-1].startswith("MultiDiGraph")
    Path("tp53.graphml").unlink()


def test_the_whole_sample(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, document = built
    with rbio_kg.Workspace(workspace) as opened:
        graph = opened.graph.to_networkx()
        assert graph.number_of_nodes() == sum(document["nodes"].values())
        assert graph.number_of_edges() == sum(document["relationships"].values())
        data = opened.graph.to_pyg()
        assert {label: data[label].num_nodes for label in data.node_types} == document["nodes"]
        assert {kind: data[start, kind, end].num_edges for start, kind, end in data.edge_types} == document[
            "relationships"
        ]
        part = opened.graph.write_graphml(tmp_path / "all.graphml")
        read = nx.read_graphml(tmp_path / "all.graphml", force_multigraph=True)
        assert (part.nodes, part.relationships) == (document["nodes"], document["relationships"])
        assert set(read.nodes) == set(graph.nodes)
        assert read.number_of_edges() == graph.number_of_edges()


def test_a_part_of_the_sample_is_networkx_own_ego_graph(built: tuple[Path, dict[str, Any]]) -> None:
    relations = ["INTERACTS_WITH", "REGULATES", "MEMBER_OF"]
    with rbio_kg.Workspace(built[0]) as opened:
        whole = opened.graph.to_networkx(relations=relations)
        for radius in (0, 1, 2):
            part = opened.graph.to_networkx(genes=["TP53"], radius=radius, relations=relations)
            ego = nx.ego_graph(whole, "Gene:TP53", radius=radius, undirected=True)
            assert nx.utils.graphs_equal(part, ego)
