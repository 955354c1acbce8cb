"""The documents say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.graph.schema_document import DOCUMENTS, main

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_up_to_date(name: str, tmp_path: Path) -> None:
    main(tmp_path)
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == (tmp_path / name).read_text(encoding="utf-8"), "run python -m rbio_kg.graph.schema_document"
