"""docs/reference/queries.md says what the queries answer."""

from __future__ import annotations

from pathlib import Path

from scripts.documents.queries import main
from tests.support.locations import DOCS

DOCUMENT = DOCS / "reference" / "queries.md"


def test_the_document_is_up_to_date(tmp_path: Path) -> None:
    main(tmp_path)  # in a workspace of its own: fitted verifiers of a shared one would change the verdicts
    text = (tmp_path / "queries.md").read_text(encoding="utf-8")
    assert text == DOCUMENT.read_text(encoding="utf-8"), "run python -m scripts.documents.queries"
