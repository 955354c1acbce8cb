"""docs/reference/graph-schema.md, written from the schema.

`python -m scripts.documents.graph_schema` writes it; a test fails if it is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rbio_kg.core.atomic_io import write_text
from rbio_kg.graph.schema.schema import EVIDENCE_NODES, NODES, NODES_BY_LABEL, RELATIONSHIPS, Property

_TYPES = {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "list": "list of texts"}
_NOTE = "<!-- Written by `python -m scripts.documents.graph_schema`; do not edit. -->"


def _properties(properties: tuple[Property, ...], key: str = "") -> list[str]:
    lines = ["| property | type | meaning |", "| --- | --- | --- |"]
    for item in properties:
        name = f"**`{item.name}`** (key)" if item.name == key else f"`{item.name}`"
        lines.append(f"| {name} | {_TYPES[item.kind]} | {item.doc} |")
    return [*lines, ""]


def schema_document() -> str:
    """The text of docs/reference/graph-schema.md."""
    lines = [
        "# The graph",
        "",
        _NOTE,
        "",
        "The key of a label is unique and never missing. Every relationship of a build has a `source`, the `name` of a",
        "`Source` node. A property without a value is absent, and so is an empty list: read a list with",
        "`coalesce(n.aliases, [])`. Identify nodes by label and key, never by the element ids of a database.",
        "",
        "## Nodes",
        "",
    ]
    for node in NODES:
        lines += [f"### {node.label}", "", node.doc, "", *_properties(node.properties, node.key)]
    lines += ["## Relationships", ""]
    for edge in RELATIONSHIPS:
        lines += [f"### (:{edge.start})-[:{edge.type}]->(:{edge.end})", "", edge.doc, ""]
        if edge.unique_by:
            lines += [f"One for each pair of ends and {', '.join(f'`{name}`' for name in edge.unique_by)}.", ""]
        lines += _properties(edge.properties)
    keys = ", ".join(f"{label} by `{node.key}`" for label, node in NODES_BY_LABEL.items())
    lines += [
        "## Evidence of runs",
        "",
        "Written by `rbio-kg evidence load RUN`, never by a build. Loading a new build keeps it.",
        "",
        "- `(:Run)-[:PRODUCED {completions, first_step, last_step, reward}]->(:Verdict)`: the number of completions",
        "  with this verdict, their first and last step, and their mean reward (absent if the run has no rewards)",
        "- `(:Run)-[:STATED {finding, polarity, certainty, completions}]->(:Claim)`: a statement about genes, and the",
        "  number of completions that contain it. `finding` compares it with the graph: `supported`, `contradicted` or",
        "  `unknown`. `polarity` is `affirmed` or `negated`, `certainty` is `asserted` or `hedged`.",
        "- `(:Verdict)-[:JUDGES]->(:Claim)`",
        "- `(:Claim)-[:SUBJECT]->(:Gene)` and `(:Claim)-[:OBJECT]->(:Gene|GoTerm|Pathway)`",
        "- `(:Verdict)-[:CITES {rank, side, path, type, weight}]->(node)`: twice for each cited relationship, once for",
        "  its start and once for its end (`side`). `rank` 0 has the largest weight. Relationships of one path share",
        "  `path`.",
        "",
    ]
    for node in EVIDENCE_NODES:
        lines += [f"### {node.label}", "", node.doc, "", *_properties(node.properties, node.key)]
    lines += [
        "## The Build node",
        "",
        "One `(:Build {id, complete})` node names the build that the store holds. `complete` is true only when the",
        "complete graph is loaded.",
        "",
        f"Keys: {keys}.",
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    """Write the document into a folder."""
    write_text(folder / "graph-schema.md", schema_document())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
