"""The commands of the contract, one after the other, on the shipped sample and a tiny language model."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.cli.evaluate import show_reasoning
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.training.config.shipped import DEFAULT, find_recipe
from rbio_kg.verifiers.pooling import pool
from tests.support.commands import fails, invoke

pytestmark = pytest.mark.precision


def keys(document: Mapping[str, Any], wanted: str) -> None:
    assert set(wanted.split()) <= set(document), f"missing: {set(wanted.split()) - set(document)}"


def test_build_has_the_contracts_keys(built: tuple[Path, dict[str, Any]]) -> None:
    _, document = built
    keys(document, "build_id nodes relationships rejected_rows seconds")
    keys(document["seconds"], "read assemble snapshot store")
    assert document["nodes"]["Gene"] > 300
    assert document["simulated"] is True


def test_a_second_build_reuses_everything(built: tuple[Path, dict[str, Any]]) -> None:
    workspace, first = built
    again = invoke(workspace, "build")
    assert again["build_id"] == first["build_id"]
    assert again["reused"] == {"tables": True, "store": True}


def test_stats_agree_with_the_manifest(built: tuple[Path, dict[str, Any]]) -> None:
    workspace, document = built
    stats = invoke(workspace, "stats")
    keys(stats, "build_id store nodes relationships agrees")
    assert stats["agrees"] is True
    assert stats["nodes"] == document["nodes"]
    assert stats["relationships"] == document["relationships"]


def test_queries(built: tuple[Path, dict[str, Any]]) -> None:
    workspace, document = built
    rows = invoke(workspace, "query", "MATCH (g:Gene) RETURN count(g) AS genes")
    assert rows == [{"genes": document["nodes"]["Gene"]}]
    assert len(invoke(workspace, "query", "--list")) >= 20
    gene = invoke(workspace, "query", "MATCH (g:Gene)-[:INTERACTS_WITH]-() RETURN g.symbol AS s ORDER BY s LIMIT 1")[0][
        "s"
    ]
    assert invoke(workspace, "query", "--named", "neighbours", "--param", f"symbol={gene}")
    assert len(invoke(workspace, "query", "MATCH (g:Gene) RETURN g.symbol", "--limit", "3")) == 3
    assert "read" in fails(workspace, "query", "CREATE (x:Gene {symbol: 'NOPE'})")
    assert "no query named" in fails(workspace, "query", "--named", "nothing")
    fails(workspace, "query", "MATCH (g:Gene RETURN g")
    assert CliRunner().invoke(app, ["query", "--workspace", str(workspace)]).exit_code == 2


def test_rows_into_a_file(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, document = built
    cypher = "MATCH (g:Gene) RETURN g.symbol AS symbol, g.aliases AS aliases ORDER BY symbol"
    for name in ("genes.parquet", "genes.csv", "genes.jsonl"):
        reported = invoke(workspace, "query", cypher, "--out", str(tmp_path / name))
        assert reported == {"file": str(tmp_path / name), "rows": document["nodes"]["Gene"]}
    frame = pl.read_parquet(tmp_path / "genes.parquet")
    assert frame["symbol"].to_list() == pl.read_csv(tmp_path / "genes.csv")["symbol"].to_list()
    assert "ending" in fails(workspace, "query", cypher, "--out", str(tmp_path / "genes.xlsx"))
    assert "only read" in fails(workspace, "query", "CREATE (x:Gene)", "--out", str(tmp_path / "none.csv"))
    assert not (tmp_path / "none.csv").exists()


def test_what_a_query_says_beside_its_rows(built: tuple[Path, dict[str, Any]]) -> None:
    workspace, _ = built

    def ask(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["query", *arguments, "--workspace", str(workspace), "--json"])
        assert result.exit_code == 0
        return json.loads(result.stdout), result.stderr

    rows, said = ask("MATCH (g:Gene) RETURN g.symbol AS s", "--limit", "3")
    assert len(rows) == 3
    assert "only the first 3 rows" in said
    assert ask("MATCH (g:Gene) RETURN count(g) AS n", "--limit", "1")[1] == ""
    rows, said = ask("--named", "gene", "--param", "symbol=P53")
    assert rows == []
    assert "P53 is no approved symbol (alias name of TP53): try symbol=TP53" in said
    assert ask("--named", "gene", "--param", "symbol=NOSUCHGENE") == ([], "")
    assert ask("--named", "enriched_terms", "--param", 'symbols=["TP53", "MDM2"]')[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([], "needs the parameter 'symbol'"),
        (["gene=TP53"], "no parameter 'gene'"),
        (["symbol=7157"], "takes text, not 7157"),
        (["symbol=TP53", "top=many"], "takes an integer"),
        (["symbol=TP53", "top=null"], "takes an integer"),
        (["symbol"], "not key=value"),
    ],
)
def test_a_wrong_parameter_is_reported(built: tuple[Path, dict[str, Any]], parameters: list[str], message: str) -> None:
    words = [word for item in parameters for word in ("--param", item)]
    assert message in fails(built[0], "query", "--named", "neighbours", *words)


def test_fits_have_the_contracts_keys(fitted: tuple[Path, dict[str, Any]]) -> None:
    for document in fitted[1].values():
        keys(document, "model metrics seconds")


def test_explain_asks_every_verifier(fitted: tuple[Path, dict[str, Any]]) -> None:
    workspace, _ = fitted
    row = invoke(
        workspace,
        "query",
        "MATCH (a:Gene)-[:KNOCKDOWN_CHANGES]->(b:Gene) RETURN a.symbol AS a, b.symbol AS b ORDER BY a, b LIMIT 1",
    )[0]
    document = invoke(workspace, "explain", row["a"], row["b"], "--cell-line", "k562")
    keys(document, "claim verdicts composed")
    assert [item["verifier"] for item in document["verdicts"]] == [
        "graph_path",
        "link_predictor",
        "expression",
        "ontology_text",
        "reasoning_trace",
        "experiment",
    ]
    for item in document["verdicts"]:
        keys(item, "verifier score status reason evidence")
    by_name = {item["verifier"]: item for item in document["verdicts"]}
    assert by_name["expression"]["status"] == "ok"
    assert by_name["expression"]["evidence"]
    assert by_name["ontology_text"]["status"] == "abstain"
    # The pooled probability is what the default recipe's reward pays by.
    settings = tomllib.loads(find_recipe(DEFAULT).read_text(encoding="utf-8"))["reward"]
    scores = np.array([[by_name[name]["score"]] for name in settings["verifiers"]], dtype=float)
    (expected,), _ = pool(scores, list(settings["verifiers"].values()), settings["pooling"])
    assert document["composed"] == pytest.approx(expected)
    assert "unknown relation" not in json.dumps(document)


def test_score_keeps_rows_and_order(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, _ = fitted
    claims = tmp_path / "claims.csv"
    claims.write_text(
        "subject,relation,object,cell_line,note\n"
        "TP53,interacts_with,MDM2,,first\nNOSUCHGENE,interacts_with,TP53,,second\nTP53,interacts_with,TP53,,third\n"
    )
    out = tmp_path / "scored.csv"
    verifiers = ("--verifier", "graph_path", "--verifier", "link_predictor")
    assert "'NOSUCHGENE' (line 3)" in fails(workspace, "score", str(claims), *verifiers)
    document = invoke(workspace, "score", str(claims), *verifiers, "--out", str(out), "--unknown", "abstain")
    keys(document, "rows abstained seconds resolved unrecognised")
    assert document["rows"] == 3
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["note"] for row in rows] == ["first", "second", "third"]
    assert rows[0]["graph_path"] != ""
    assert rows[1]["graph_path"] == rows[2]["graph_path"] == ""
    assert document["abstained"]["graph_path"] == 2
    claims.write_text("subject,relation,object\nTP53,likes,MDM2\n")
    assert "line 2" in fails(workspace, "score", str(claims))
    claims.write_text("a,b\n1,2\n")
    assert "columns" in fails(workspace, "score", str(claims))
    assert "no such file" in fails(workspace, "score", str(tmp_path / "none.csv"))
    assert "there is no verifier" in fails(workspace, "verifiers", "card", "oracle")


def test_cards(fitted: tuple[Path, dict[str, Any]]) -> None:
    workspace, _ = fitted
    listed = invoke(workspace, "verifiers", "list")["verifiers"]
    assert [row["ready"] for row in listed] == [True] * 6
    card = invoke(workspace, "verifiers", "card", "expression")
    keys(card, "coverage per_gene_auroc ece baselines")
    assert card["simulated"] is True
    assert card["per_gene_auroc"] > 0.5
    keys(card, "questions claims_per_second agreement beats_gene_prior remark worst licence")
    assert {"k562 de", "k562 dir"} <= set(card["questions"])
    assert card["claims_per_second"] > 0
    assert set(card["agreement"]) == {"graph_path", "link_predictor", "experiment"}
    test = invoke(workspace, "verifiers", "card", "graph_path", "--split", "test")
    assert test["split"] == "test" and test["rows"] < card["rows"]
    text = invoke(workspace, "verifiers", "card", "reasoning_trace")
    assert text["texts"]["true"]["mean"] > text["texts"]["negated"]["mean"]
    assert text["per_gene_auroc"] is None and set(text["agreement"]) == {"ontology_text"}
    shown = CliRunner().invoke(app, ["verifiers", "card", "graph_path", "--workspace", str(workspace)])
    assert "beat the gene prior" in shown.stdout and "| k562 dir |" in shown.stdout
    assert "train or test" in fails(workspace, "verifiers", "card", "graph_path", "--split", "validation")


@pytest.mark.parametrize(
    "name", ["graph_path", "link_predictor", "expression", "ontology_text", "reasoning_trace", "experiment"]
)
def test_every_verifier_keeps_the_contract(fitted: tuple[Path, dict[str, Any]], name: str) -> None:
    document = invoke(fitted[0], "verifiers", "check", name)
    assert document["passes"] and document["claims"] >= 6
    keys(document["checks"][0], "name passed message")


def test_no_exploit_pays(fitted: tuple[Path, dict[str, Any]]) -> None:
    workspace, _ = fitted
    document = invoke(workspace, "rewards", "check", "--claims", "6", "--search", "64")
    keys(document, "exploits parts claims recipe search")
    assert (document["claims"], document["recipe"], len(document["exploits"]) >= 30) == (6, "default", True)
    assert document["search"]["steps"] == 64
    assert document["search"]["found"] == []
    assert "exclude each other" in fails(workspace, "rewards", "check", "--all-recipes", "--config", "exp")
    assert "no such recipe" in fails(workspace, "rewards", "check", "--config", "nowhere.toml")
    for row in document["exploits"]:
        keys(row, "name reward honest pays")
    assert [row["name"] for row in document["exploits"] if row["pays"]] == []


def test_evaluate_expression_and_its_predictions(fitted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    workspace, _ = fitted
    questions = next((sample_directory() / "perturbqa").glob("k562-de.csv*"))
    out = tmp_path / "predictions.csv"
    arguments = ("--questions", str(questions), "--task", "de", "--cell-line", "k562")
    document = invoke(workspace, "evaluate", "expression", *arguments, "--predictions", str(out))
    keys(document, "per_gene_auroc interval genes rows pooled ece baselines")
    keys(document["pooled"], "f1 balanced_accuracy mcc tpr tnr auroc")
    keys(document["baselines"], "all_no all_yes gene_prior pair_copy")
    low, high = document["interval"]
    assert low <= document["per_gene_auroc"] <= high
    again = invoke(workspace, "evaluate", "predictions", str(out), *arguments)
    assert again["per_gene_auroc"] == pytest.approx(document["per_gene_auroc"], abs=1e-6)


def test_policy_run(trained: tuple[Path, Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    workspace, recipe, document = trained
    keys(document, "run steps resumed_from reward parts before after")
    keys(document["reward"], "first last")
    assert document["steps"] == 2
    again = invoke(workspace, "train", "policy", "--config", str(recipe), "--name", "tiny", "--resume")
    assert again["reused"] is True
    assert "already a run" in fails(workspace, "train", "policy", "--config", str(recipe), "--name", "tiny")
    assert invoke(workspace, "train", "policy", "--config", str(recipe), "--name", "dry", "--dry-run")["steps"] == 0
    names = [run["name"] for run in invoke(workspace, "runs", "list")["runs"]]
    assert "tiny" in names and "dry" not in names
    assert invoke(workspace, "runs", "show", "tiny")["status"] == "finished"
    options = ("--limit", "40", "--samples", "1", "--reasoning", "--reasoning-rows", "10")
    evaluated = invoke(workspace, "evaluate", "policy", "tiny", *options)
    keys(evaluated, "per_gene_auroc interval genes rows pooled ece baselines unparsed_rate likelihood votes")
    assert evaluated["audit"]["leaks"] == 0
    reasoning = evaluated["reasoning"]
    keys(reasoning, "rows genes seed temperature readings stated statements abstention")
    keys(reasoning["readings"], "own none half swapped reversed")
    keys(reasoning["readings"]["reversed"], "per_gene_auroc brier ece lead mean_change flips rank_correlation")
    keys(reasoning["stated"], "unparsed_rate yes_share mean_q verifiers_mean")
    assert set(reasoning["statements"]) == {"before", "after_warmup", "after"}
    keys(reasoning["statements"]["before"], "statements per_completion supported contradicted unknown")
    assert json.loads((workspace / "runs" / "tiny" / "evaluation" / "reasoning.json").read_text()) == reasoning
    show_reasoning(reasoning)
    shown = capsys.readouterr().out
    assert "another question's" in shown and "after warmup" in shown and "area under risk-coverage" in shown
    assert {"policy_rows", "model_rows", "graph_relationships", "facts"} <= set(evaluated["audit"]["checked"])
    assert set(evaluated["differences"]) == set(evaluated["baselines"])
    assert "official" in fails(workspace, "evaluate", "policy", "tiny", "--protocol", "global")


def test_a_policy_is_exported(trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    workspace, recipe, _ = trained
    document = invoke(workspace, "export-model", "tiny", "--merge", "--out", str(tmp_path / "merged"))
    keys(document, "run form out files base_model")
    assert document["form"] == "merged"
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "merged").num_parameters() > 0
    assert "there is no run" in fails(workspace, "export-model", "nosuchrun", "--out", str(tmp_path / "none"))
    other = ("train", "policy", "--config", str(recipe), "--name", "other")
    assert "there is no tracker" in fails(workspace, *other, "--report-to", "paper")


def test_the_global_protocol_wants_a_verifier_fitted_under_it(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace, recipe, _ = trained
    held_apart = recipe.with_name("global.toml")
    held_apart.write_text(recipe.read_text().replace("[questions]", '[questions]\nsplit_scheme = "global"'))
    said = fails(workspace, "train", "policy", "--config", str(held_apart), "--name", "apart")
    assert "train expression --protocol global" in said


def test_evidence_is_loaded_once(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace, _, _ = trained
    first = invoke(workspace, "evidence", "load", "tiny")
    keys(first, "claims verdicts citations")
    count = "MATCH (v:Verdict) RETURN count(v) AS n"
    before = invoke(workspace, "query", count)
    assert before[0]["n"] > 0
    assert invoke(workspace, "evidence", "load", "tiny")["verdicts"] == first["verdicts"]
    counted = invoke(workspace, "stats")["evidence"]
    assert counted["Run"] == 1
    assert counted["Claim"] == first["claims"]
    assert counted["Verdict"] == first["verdicts"]
    assert invoke(workspace, "query", count) == before


def test_report(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    workspace, _, _ = trained
    path = Path(invoke(workspace, "report", "tiny")["report"])
    page = path.read_text(encoding="utf-8")
    assert path == workspace / "runs" / "tiny" / "report.html"
    assert "simulated" in page.lower()
    assert "there is no run" in fails(workspace, "report", "nosuchrun")


def test_doctor_and_version(built: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, document = built
    monkeypatch.setenv("NEO4J_PASSWORD", "hunter2")
    result = CliRunner().invoke(app, ["doctor", "--workspace", str(workspace), "--json"])
    assert "hunter2" not in result.output
    assert json.loads(result.stdout)["build_id"] == document["build_id"]
    assert set(invoke(workspace, "version")) == {"version"}


def test_a_workspace_without_a_graph_says_what_to_do(tmp_path: Path) -> None:
    for arguments in (("stats",), ("explain", "A", "B"), ("train", "expression"), ("verifiers", "card", "graph_path")):
        assert "rbio-kg build" in fails(tmp_path / "empty", *arguments)
    assert "rbio-kg fetch" in fails(tmp_path / "empty", "build")
    assert not (tmp_path / "empty").exists()
