"""The section of docs/reference/verifiers.md that holds the scorecards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.verifiers.scorecards import BEGIN, END, main, written
from rbio_kg.graph_builders.build.build import build_graph
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.workspace import Workspace
from tests.support.locations import DOCS

DOCUMENT = DOCS / "reference" / "verifiers.md"


def test_the_document_has_the_markers_and_every_verifier() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.partition(BEGIN)[2].partition(END)[0]
    for name in ("graph_path", "link_predictor", "expression", "ontology_text", "reasoning_trace", "experiment"):
        assert f"### {name}" in section


def test_a_section_is_replaced_and_the_rest_kept() -> None:
    text = written("two", f"a\n{BEGIN}\n\none\n\n{END}\nb")
    assert text == f"a\n{BEGIN}\n\ntwo\n\n{END}\nb"
    assert written("two", text) == text
    with pytest.raises(ValueError, match="markers"):
        written("two", "a")


def test_kept_cards_are_used_again(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    with Workspace(workspace) as opened:
        build_id = build_graph(opened.paths, sample_directory()).build_id
    folder = workspace / "models" / "scorecards"
    folder.mkdir(parents=True)
    kept = {"name": "experiment", "kind": "claim", "sources": ["kept"], "split": "train", "questions": {}}
    for name in ("graph_path", "ontology_text", "reasoning_trace", "experiment"):
        card = {"build_id": build_id, "card": {**kept, "name": name}}
        (folder / f"{name}-train.json").write_text(json.dumps(card))
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    main(["--workspace", str(workspace), "--write", str(page)])
    text = page.read_text()
    assert text.count("Sources: kept") == 4
    assert text.count("Not carded: ") == 2 and "rbio-kg train" in text
