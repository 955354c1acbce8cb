"""Questions from differential expression: files, frames, the manifest, and every command that reads questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rbio_kg.core.digest import file_digest
from rbio_kg.core.errors import ConfigError, SourceError
from rbio_kg.services.screens.result import ScreenOutput
from rbio_kg.training.data.screens.labels import LabelRules
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.screens import PROGRAMS

Built = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def screen(built: Built) -> pl.DataFrame:
    """The sample's simulated outcomes in K562 as differential expression."""
    with Workspace(built[0]) as opened:
        rows = opened.tables["questions"].filter(task="de", cell_line="k562")
        up = opened.tables["questions"].filter(task="dir", cell_line="k562").select("pert", "gene", up="label")
    rows = rows.join(up, on=["pert", "gene"], how="left", maintain_order="left").filter(
        pl.col("pert") != pl.col("gene")
    )
    changed = pl.col("label") == 1
    return rows.select(
        "pert",
        "gene",
        padj=pl.when(changed).then(0.001).otherwise(0.9),
        lfc=pl.when(~changed).then(0.0).otherwise(pl.col("up").fill_null(0) * 2.0 - 1.0),
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_command_reads_every_programs_table(
    program: str, built: Built, screen: pl.DataFrame, tmp_path: Path
) -> None:
    table, out, out_dir = tmp_path / "de.csv", tmp_path / "k562-de.csv", tmp_path / "k562-dir.csv.gz"
    PROGRAMS[program](screen).write_csv(table)
    files = ("--cell-line", "K-562", "--out", str(out), "--out-dir", str(out_dir))
    document = invoke(built[0], "questions", "from-de", str(table), *files)
    made = pl.read_csv(out)
    assert made.columns == ["pert", "gene", "label", "split"]
    assert (document["rows"], document["ambiguous"], document["set_aside"]) == (screen.height, 0, {})
    assert document["base_rate"] == pytest.approx((screen["padj"] < 0.05).mean())
    assert document["perturbations"] == screen["pert"].n_unique()
    assert document["genes"] == screen["gene"].n_unique()
    truth = screen.select("pert", "gene", label=(pl.col("padj") < 0.05).cast(pl.Int64)).sort("pert", "gene")
    assert_frame_equal(made.drop("split"), truth)
    directions = pl.read_csv(out_dir).join(screen, on=["pert", "gene"])
    assert directions.height == truth["label"].sum()
    assert ((directions["lfc"] > 0) == (directions["label"] == 1)).all()
    assert document["columns"]["program"] == program
    assert document["remarks"] == ([] if program != "pdex or cell-eval" else document["remarks"])


def test_the_manifest_says_what_the_labels_rest_on(built: Built, screen: pl.DataFrame, tmp_path: Path) -> None:
    table, out = tmp_path / "de.tsv", tmp_path / "a549-de.csv"
    screen.write_csv(table, separator="\t")
    settings = ("--max-padj", "0.01", "--negatives-per-positive", "2", "--seed", "7", "--cell-line", "A549")
    document = invoke(built[0], "questions", "from-de", str(table), "--out", str(out), *settings)
    manifest = json.loads((tmp_path / "a549-de.manifest.json").read_text())
    assert document["manifests"] == [str(tmp_path / "a549-de.manifest.json")]
    assert manifest["thresholds"]["max_padj"] == 0.01
    assert manifest["thresholds"]["seed"] == 7
    assert "at most 0.01" in manifest["labels"]["de"]["1"]
    assert manifest["input"] == [{"file": "de.tsv", "bytes": table.stat().st_size, "sha256": file_digest(table)}]
    assert manifest["output"] == {"a549-de.csv": file_digest(out)}
    assert manifest["counts"]["rows"] == document["rows"]
    assert {"python", "rbio-kg", "polars", "scipy"} <= set(manifest["software"])
    assert manifest["settings"]["columns"]["padj"] == "padj"
    assert any("no cell line a549" in remark for remark in document["remarks"])
    before = out.read_bytes(), (tmp_path / "a549-de.manifest.json").read_bytes()
    invoke(built[0], "questions", "from-de", str(table), "--out", str(out), *settings)
    assert before == (out.read_bytes(), (tmp_path / "a549-de.manifest.json").read_bytes())


def test_what_is_lost_is_reported(built: Built, screen: pl.DataFrame, tmp_path: Path) -> None:
    table, out = tmp_path / "de.csv", tmp_path / "k562-de.csv"
    lost = pl.DataFrame(
        {"pert": ["non-targeting", "TP53+MED12"], "gene": ["CDK1"] * 2, "padj": [0.9] * 2, "lfc": [0.0] * 2}
    )
    pl.concat([screen, lost]).write_csv(table)
    document = invoke(built[0], "questions", "from-de", str(table), "--out", str(out))
    assert document["set_aside"] == {"control": 1, "combination": 1}
    assert document["unrecognised"] == {"control": 1, "combination": 1}
    assert any("'TP53+MED12'" in remark for remark in document["remarks"])
    guides = screen.with_columns(pl.col("pert") + "_sgRNA1")
    guides.write_csv(table)
    assert "guides or treatments" in fails(built[0], "questions", "from-de", str(table), "--out", str(out))
    accepted = invoke(built[0], "questions", "from-de", str(table), "--out", str(out), "--accept-suggestions")
    assert accepted["rows"] == screen.height
    some = invoke(built[0], "questions", "from-de", str(tmp_path / "de.csv"), "--out", str(out), "--accept-suggestions")
    assert some["set_aside"] == {}


def test_columns_are_shown_first_and_can_be_named(built: Built, screen: pl.DataFrame, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from rbio_kg.cli.app import app

    table, out = tmp_path / "de.csv", tmp_path / "k562-de.csv"
    screen.rename({"pert": "who", "gene": "whom", "padj": "how sure", "lfc": "how much"}).write_csv(table)
    assert "--perturbation" in fails(built[0], "questions", "from-de", str(table), "--out", str(out))
    names = ("--perturbation", "who", "--gene", "whom", "--padj", "how sure", "--lfc", "how much")
    arguments = ["questions", "from-de", str(table), "--out", str(out), *names, "--workspace", str(built[0])]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    shown = result.stderr.index("columns: perturbation 'who', gene 'whom', adjusted p-value 'how sure'")
    assert shown < result.stderr.index("labelling")
    assert CliRunner().invoke(app, ["questions", "from-de", str(table)]).exit_code == 2


def test_one_file_for_each_perturbation(built: Built, screen: pl.DataFrame, tmp_path: Path) -> None:
    files = []
    for (pert,), group in screen.group_by("pert", maintain_order=True):
        files.append(tmp_path / f"{pert}.csv")
        group.rename({"gene": "", "lfc": "log2FoldChange"}).drop("pert").write_csv(files[-1])
    with Workspace(built[0]) as opened:
        several = opened.questions_from_de(files)
        assert_frame_equal(several.de, opened.questions_from_de(screen).de)
        one = opened.questions_from_de(files[0], rules=LabelRules(test_share=1.0))
        assert set(one.de["pert"]) == {files[0].stem}
        with pytest.raises(SourceError, match="one perturbation"):
            opened.questions_from_de(files[0])


def test_frames_of_polars_and_pandas_are_read(built: Built, screen: pl.DataFrame) -> None:
    with Workspace(built[0]) as opened:
        expected = opened.questions_from_de(screen)
        frame = screen.to_pandas()
        assert_frame_equal(opened.questions_from_de(frame).de, expected.de)
        assert_frame_equal(opened.questions_from_de(frame.set_index("gene")).de, expected.de)
        assert expected.out is None
        assert "questions about" in str(expected)
        with pytest.raises(ConfigError, match="questions file"):
            opened.questions_from_de(screen, ScreenOutput(out=Path("questions.parquet")))


def test_the_questions_go_into_every_command(fitted: Built, screen: pl.DataFrame, tmp_path: Path) -> None:
    workspace, _ = fitted
    table, out, out_dir = tmp_path / "de.csv", tmp_path / "a549-de.csv", tmp_path / "a549-dir.csv"
    screen.write_csv(table)
    invoke(workspace, "questions", "from-de", str(table), "--out", str(out), "--out-dir", str(out_dir))
    for path in (out, out_dir):
        evaluated = invoke(workspace, "evaluate", "expression", "--questions", str(path), "--alone")
        assert evaluated["genes"] > 0
    trained = invoke(workspace, "train", "expression", "--questions", str(out), "--name", "mine")
    assert trained["metrics"]
    for path in (out, out_dir):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(f"[questions]\nfile = '{path}'\n[warmup]\nexamples = 32\n[grpo]\nquestions = 16\n")
        dry = invoke(workspace, "train", "policy", "--config", str(recipe), "--dry-run")
        assert dry["questions"]["warmup"] == 32
