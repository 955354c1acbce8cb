"""docs/reference/recipe.md says what a recipe can hold."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from rbio_kg.training.config.recipe import PolicyConfig
from scripts.documents.recipe import main
from tests.support.locations import DOCS

DOCUMENT = DOCS / "reference" / "recipe.md"


def test_the_document_is_up_to_date(tmp_path: Path) -> None:
    main(tmp_path)
    text = (tmp_path / "recipe.md").read_text(encoding="utf-8")
    assert text == DOCUMENT.read_text(encoding="utf-8"), "run python -m scripts.documents.recipe"


def test_every_setting_is_described(tmp_path: Path) -> None:
    main(tmp_path)
    lines = (tmp_path / "recipe.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    sections = [part.annotation for part in PolicyConfig.model_fields.values()]
    settings = [
        name
        for part in sections
        if isinstance(part, type) and issubclass(part, BaseModel)
        for name in part.model_fields
    ]
    assert len(settings) > 60
    for name in ["seed", *settings]:
        assert rows[name].split(" | ")[-1] not in ("", " |"), name
    assert "at least 0, below 1" in rows["share_weight"]
    assert "`brier`, `log`, `linear`" in rows["scoring"]
    assert rows["seed"].startswith("| `seed` | `0` | whole number, at least 0 |")
