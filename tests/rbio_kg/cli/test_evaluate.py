"""Evaluations by the command line: lines that the workspace has never seen, split schemes, rivals, planted leaks."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.verifiers.evaluation.baselines import BASELINES
from rbio_kg.verifiers.splits import SPLIT_SCHEMES
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

Built = tuple[Path, dict[str, Any]]
SAMPLE = sample_directory() / "perturbqa"


@pytest.fixture(scope="module")
def hela(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of a cell line that no build knows, gzipped, the line named by the file alone."""
    path = tmp_path_factory.mktemp("questions") / "hela-s3-de.csv.gz"
    rows = pl.read_csv(SAMPLE / "rpe1-de.csv.gz").sample(fraction=0.7, seed=1, shuffle=True)
    path.write_bytes(gzip.compress(rows.write_csv().encode()))
    return path


def test_a_line_that_the_workspace_has_never_seen(built: Built, hela: Path, tmp_path: Path) -> None:
    workspace, _ = built
    out, packed = tmp_path / "scored.csv", tmp_path / "scored.csv.gz"
    document = invoke(workspace, "evaluate", "expression", "--questions", str(hela), "--predictions", str(packed))
    assert document["cell_line"] == "helas3"
    assert document["audit"]["leaks"] == 0
    assert set(document["baselines"]) == set(document["differences"]) == set(BASELINES)
    for lead in document["differences"].values():
        assert lead["low"] <= lead["mean"] <= lead["high"]
    out.write_bytes(gzip.decompress(packed.read_bytes()))
    arguments = ("evaluate", "predictions", str(packed), "--questions", str(hela), "--against", str(out))
    again = invoke(workspace, *arguments)
    for key in ("per_gene_auroc", "interval", "baselines", "cell_line", "rows"):
        assert again[key] == document[key], key
    assert again["differences"]["scored.csv"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert again["missing_rows"] == 0
    # Without its questions a new line has no base rate of its own, but it can be measured.
    bare = invoke(workspace, "evaluate", "predictions", str(out), "--cell-line", "HeLa-S3")
    assert bare["per_gene_auroc"] == document["per_gene_auroc"]
    assert bare["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    assert bare["missing_rows"] is None
    nowhere = invoke(tmp_path / "empty", "evaluate", "predictions", str(out))
    assert nowhere["per_gene_auroc"] == document["per_gene_auroc"]
    assert nowhere["baselines"]["gene_prior"] is None


@pytest.mark.parametrize("split_scheme", SPLIT_SCHEMES)
def test_every_split_scheme(built: Built, hela: Path, tmp_path: Path, split_scheme: str) -> None:
    workspace, _ = built
    out = tmp_path / "scored.csv"
    arguments = ("--questions", str(hela), "--protocol", split_scheme)
    document = invoke(workspace, "evaluate", "expression", *arguments, "--predictions", str(out))
    assert document["protocol"] == split_scheme
    assert document["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
    assert document["audit"]["leaks"] == 0
    again = invoke(workspace, "evaluate", "predictions", str(out), *arguments)
    for key in ("per_gene_auroc", "rows", "baselines", "differences"):
        assert again[key] == document[key], key


def test_the_table_for_people_has_the_leads(built: Built, hela: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    rows = pl.read_csv(hela).filter(pl.col("split") == "test").drop("split")
    for path, seed in ((one, 1), (two, 2)):
        noise = pl.Series(range(len(rows))).shuffle(seed) / len(rows)
        rows.with_columns(score=noise).write_csv(path)
    arguments = ["evaluate", "predictions", str(one), "--cell-line", "hela", "--against", str(two)]
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(built[0])])
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "lead" in lines[1]
    reported = [line.split()[0] for line in lines[2:]]
    assert reported == ["one.csv", *BASELINES, "two.csv"]
    assert lines[-1].count("[") == 2


def test_rivals_must_have_scored_the_same_rows(built: Built, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("pert,gene,label,score\nA,X,1,0.5\nB,X,0,0.1\n")
    (tmp_path / "b.csv").write_text("pert,gene,label,score\nA,X,1,0.5\n")
    arguments = ("evaluate", "predictions", str(tmp_path / "a.csv"), "--max-unrecognised", "1", "--against")
    said = fails(built[0], *arguments, str(tmp_path / "b.csv"))
    assert "b.csv: 1 rows of the other file are missing, first B,X; score the same rows with both models" in said
    assert "there is no such file" in fails(built[0], *arguments, str(tmp_path / "c.csv"))


def test_a_split_that_the_graph_contradicts_is_refused(built: Built, tmp_path: Path) -> None:
    """Train and test exchanged: what is asked stands in the graph as a measured change."""
    other = {"train": "test", "test": "train"}
    rows = pl.read_csv(SAMPLE / "k562-de.csv.gz").with_columns(pl.col("split").replace(other))
    rows.write_csv(tmp_path / "k562-de.csv")
    said = fails(built[0], "evaluate", "expression", "--questions", str(tmp_path / "k562-de.csv"))
    assert "leak: the row " in said
    assert "in k562 is a KNOCKDOWN_CHANGES relationship of the graph; build the graph from" in said


def test_a_test_row_in_the_graph_database_is_refused(built: Built, tmp_path: Path) -> None:
    workspace, _ = built
    questions = SAMPLE / "k562-de.csv.gz"
    arguments = ("evaluate", "expression", "--questions", str(questions), "--limit", "60", "--check-store")
    clean = invoke(workspace, *arguments)["audit"]
    assert clean["leaks"] == 0
    assert 0 < clean["checked"]["store_relationships"] <= clean["checked"]["graph_relationships"]
    with Workspace(workspace) as opened:
        tables = opened.tables
        held_out = (pl.col("split") == "test") & (pl.col("cell_line") == "k562") & (pl.col("task") == "de")
        known = tables["genes"]["symbol"].implode()
        row = tables["questions"].filter(held_out & pl.col("pert").is_in(known) & pl.col("gene").is_in(known))[0]
        names = {"pert": row["pert"].item(), "gene": row["gene"].item()}
        edge = "(p:Gene {symbol: $pert}), (g:Gene {symbol: $gene})"
        with opened.open_store(read_only=False) as store:
            planted = (
                "CREATE (p)-[:KNOCKDOWN_CHANGES {cell_line: 'k562', direction: 'unknown', source: 'planted'}]->(g)"
            )
            store.write(f"MATCH {edge} {planted}", names)
            try:
                said = fails(workspace, *arguments)
            finally:
                store.write("MATCH ()-[k:KNOCKDOWN_CHANGES {source: 'planted'}]->() DELETE k")
    assert f"leak: the row {names['pert']},{names['gene']} in k562 is a KNOCKDOWN_CHANGES" in said
    assert invoke(workspace, *arguments)["audit"] == clean
