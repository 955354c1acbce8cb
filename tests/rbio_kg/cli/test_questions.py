"""questions make, and a policy that is taught what it made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.training.data.question_table import MADE_SCHEMA
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

# The sample's graph has neither STRING's experiment scores nor regulations.
FAMILIES = [word for family in ("de", "dir", "functional", "membership") for word in ("--family", family)]


def test_questions_are_made(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, _ = fitted
    out = tmp_path / "made.parquet"
    document = invoke(workspace, "questions", "make", *FAMILIES, "--rows", "60", "--seed", "4", "--out", str(out))
    made = pl.read_parquet(out)
    assert document["rows"] == len(made)
    assert dict(made.schema) == MADE_SCHEMA
    for row in document["families"]:
        assert row["yes"] * 2 == row["rows"]
        assert row["templates"] > 1
    assert document["simulated"] is True
    assert made.filter(pl.col("family") == "de")["gene_prior"].null_count() == 0
    with Workspace(workspace) as opened:
        held = opened.tables["questions"].filter(pl.col("split") == "test").select("cell_line", "pert").unique()
    knockdowns = made.rename({"subject": "pert"}).filter(pl.col("family").is_in(["de", "dir"]))
    assert knockdowns.join(held, on=["cell_line", "pert"], how="semi").is_empty()
    again = tmp_path / "again.parquet"
    invoke(workspace, "questions", "make", *FAMILIES, "--rows", "60", "--seed", "4", "--out", str(again))
    assert again.read_bytes() == out.read_bytes()
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"[questions]\nfile = '{out}'\n[warmup]\nexamples = 32\n[grpo]\nquestions = 16\n")
    dry = invoke(workspace, "train", "policy", "--config", str(recipe), "--dry-run")
    assert dry["questions"]["warmup"] == 32


def test_what_cannot_be_made_is_reported(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, _ = fitted
    out = ("--out", str(tmp_path / "made.parquet"))
    assert "unknown family of questions 'sign'" in fails(workspace, "questions", "make", "--family", "sign", *out)
    assert "no facts for the family" in fails(workspace, "questions", "make", "--family", "regulation", *out)
    reported = fails(workspace, "questions", "make", "--family", "de", "--protocol", "lenient", *out)
    assert "unknown split scheme 'lenient'" in reported
    assert "without --family, all families that the graph has" in fails(
        workspace, "questions", "make", "--family", "regulation", *out
    )


def test_without_a_family_the_graphs_own_are_made(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "questions.parquet"
    document = invoke(fitted[0], "questions", "make", "--rows", "40", "--out", str(out))
    assert set(document["lacking"]) == {"physical", "regulation"}
    assert {row["family"] for row in document["families"]} == {"de", "dir", "functional", "membership"}
    assert len(pl.read_parquet(out)) == document["rows"]
