"""The document says what the schema says."""

from __future__ import annotations

from pathlib import Path

from scripts.documents.graph_schema import main
from tests.support.locations import DOCS


def test_the_document_is_up_to_date(tmp_path: Path) -> None:
    main(tmp_path)
    written = (DOCS / "reference" / "graph-schema.md").read_text(encoding="utf-8")
    assert written == (tmp_path / "graph-schema.md").read_text(encoding="utf-8"), (
        "run python -m scripts.documents.graph_schema"
    )
