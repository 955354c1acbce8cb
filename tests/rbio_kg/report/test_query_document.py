"""docs/queries.md says what the queries answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbio_kg.graph.evidence import load_evidence
from rbio_kg.graph.loader import load_store
from rbio_kg.graph.store import GraphStore
from rbio_kg.report.query_document import SAMPLE_CLAIMS, query_document, write_judged_run
from rbio_kg.workspace import Workspace

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "queries.md"


def test_the_document_is_up_to_date(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with Workspace(built[0]) as workspace, GraphStore.open(f"embedded:{tmp_path / 'store'}") as store:
        load_store(store, workspace.tables, workspace.manifest.to_json())
        claims = write_judged_run(workspace, tmp_path / "run", SAMPLE_CLAIMS)
        load_evidence(store, tmp_path / "run")
        text = query_document(store, claims)
    assert text == DOCUMENT.read_text(encoding="utf-8"), "run python -m rbio_kg.report.query_document"
