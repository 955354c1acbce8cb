"""docs/reference/queries.md: every named query with an example and its answer on the graph of the shipped sample.

`python -m scripts.documents.queries` writes it; a test fails if it is out of date.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.claims import Claim
from rbio_kg.core.progress import silent
from rbio_kg.graph.store.queries import NamedQuery, named_queries, named_query
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.report.card_text import markdown_table
from rbio_kg.services.evidence import load_evidence
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.rollout_file import Rollout, checked_statements, write_rollouts
from rbio_kg.training.runs.run_folder import Run

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace

_ROWS = 4
_CELL = 60
SAMPLE_CLAIMS = 8
_TOP = """# Named queries

<!-- Written by `python -m scripts.documents.queries`; do not edit. -->

`rbio-kg query --named NAME --param key=value` runs one; both servers give the same rows in the same order. A gene is
named by its approved symbol; if you give another name, the command reports the symbol that it means.

The answers are the first rows for the small sample that ships with rbio-kg; long values are cut. Rows about runs come
from a few knockdown claims that two verifiers scored. Two sentences about each claim's genes replace a completion.
Its reward is that of an answer with the graph path verifier's probability. The sample's knockdown labels are simulated.
"""


def write_scored_run(workspace: Workspace, folder: Path, count: int) -> list[Claim]:
    """Let two verifiers score train claims, and write the verdicts as the rollouts of a run named `scored`.

    Args:
        workspace: holds a graph; its `graph_path` and `experiment` verifiers score.
        folder: the run's folder, made here.
        count: the number of claims, spread evenly over the train questions.
    """
    from rbio_kg.verifiers.scoring_rules import brier

    verifiers = [workspace.verifier(name) for name in ("graph_path", "experiment")]
    claims = workspace.questions("train", task="de").claims()
    claims = claims[:: max(1, len(claims) // count)][:count]
    rollouts = []
    for claim in claims:
        paths, measured = (verifier.explain(claim) for verifier in verifiers)
        said = f"{claim.subject} interacts with {claim.object}. {claim.object} does not interact with RPL5."
        reward = None
        if paths.score is not None and measured.score is not None:
            reward = round(float(brier(measured.score, paths.score)), 4)
        rollouts.append(
            Rollout(
                run="scored",
                step=1,
                claim=claim,
                prompt="",
                completion=said,
                answer=None,
                confidence=None,
                q=None,
                reward=reward,
                parts={},
                verdicts=(paths, measured),
                statements=checked_statements(workspace.check(said)),
            )
        )
    run = Run(folder)
    write_rollouts(run.rollouts, 1, rollouts)
    run.write_manifest(
        RunManifest(
            name="scored",
            kind="evaluation",
            started="2026-01-01T00:00:00+00:00",
            build_id=workspace.build_id,
            version="",
            seeds={},
            config={},
            simulated=True,
        )
    )
    return claims


def query_document(store: GraphStore, claims: Sequence[Claim]) -> str:
    """The text of docs/reference/queries.md; the store holds the sample's graph and the evidence of a run."""
    parts = [_TOP]
    for query in named_queries().values():
        values = _example(query, store, claims)
        rows = store.query(query.cypher, query.values(values))
        parts += [f"## {query.name}\n", query.purpose + "\n", _parameters(query)]
        parts += [f"```sh\n{_command(query, values)}\n```\n", _answer(rows), f"```cypher\n{query.cypher}\n```\n"]
    text = "\n".join(part for part in parts if part)
    return text.replace(store.check(), "BUILD_ID")  # it changes with any file or option of the build


def _example(query: NamedQuery, store: GraphStore, claims: Sequence[Claim]) -> dict[str, Any]:
    values = {item.name: item.example for item in query.parameters if item.required}
    if query.name == "verdicts_of_claim":
        return values | {"subject": claims[0].subject, "object": claims[0].object}
    if query.name in (
        "genes_of_pathway",
        "hubs_of_pathway",
        "pathway",
    ):  # the sample has other pathways than Reactome's
        pathways = named_query("pathways_of_gene")
        return values | {"id": store.query(pathways.cypher, pathways.values({"symbol": "TP53"}))[0]["id"]}
    if query.name == "evidence_of_verdict":
        return values | store.query("MATCH (v:Verdict)-[:CITES]->() RETURN v.id AS id ORDER BY id", limit=1)[0]
    return values


def _parameters(query: NamedQuery) -> str:
    lines = []
    for item in query.parameters:
        value = "must be given" if item.required else f"`{json.dumps(item.default)}` by default"
        lines.append(f"- `{item.name}`: {item.doc}; {value}\n")
    return "".join(lines)


def _command(query: NamedQuery, values: dict[str, Any]) -> str:
    words = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items()]
    return " ".join([f"rbio-kg query --named {query.name}", *(f"--param {shlex.quote(word)}" for word in words)])


def _answer(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "The sample has none of these relations.\n"
    columns = list(rows[0])
    table = markdown_table(columns, [[_cell(row[name]) for name in columns] for row in rows[:_ROWS]])
    more = f"\n{len(rows) - _ROWS} more rows.\n" if len(rows) > _ROWS else ""
    return table + "\n" + more


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= _CELL else text[: _CELL - 1] + "…"
    return text.replace("|", "\\|")


def main(folder: Path) -> None:
    """Build the sample's graph in a temporary workspace and write the document into a folder."""
    from rbio_kg.graph.loading.loader import load_store
    from rbio_kg.graph_builders.build.build import build_graph
    from rbio_kg.graph_builders.sample.sample import sample_directory
    from rbio_kg.workspace import Workspace

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        with Workspace(root / "workspace", sources=sample_directory()) as workspace:
            manifest = build_graph(workspace.paths, workspace.sources, workspace.build_options, progress=silent)
            with workspace.open_store(read_only=False) as store:
                load_store(store, workspace.tables, manifest.to_json())
                claims = write_scored_run(workspace, root / "run", SAMPLE_CLAIMS)
                load_evidence(store, root / "run")
                text = query_document(store, claims)
    write_text(folder / "queries.md", text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
