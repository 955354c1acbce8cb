from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import ReportError, SnapshotError
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.snapshot.snapshot import write_snapshot
from rbio_kg.report import write_report
from tests.support.browser import tags
from tests.support.locations import ROOT
from tests.support.runs import build_manifest, make_run, scorecards


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = write_report(
        make_run(tmp_path / "run"), tmp_path / "r.html", scorecards=scorecards(), build=build_manifest()
    )
    html = page.read_text("utf-8")
    found = tags(html)
    assert not {tag for tag, _ in found} & {"script", "img", "iframe", "object", "embed", "base", "form"}
    assert [attributes["href"] for tag, attributes in found if tag == "link"] == ["data:,"]
    assert all("src" not in attributes for _, attributes in found)
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert "url(" not in html and "@import" not in html and "@font-face" not in html
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [attributes["href"][1:] for tag, attributes in found if tag == "a" and attributes["href"].startswith("#")]
    named = [name for _, attributes in found for name in attributes.get("aria-labelledby", "").split()]
    assert inside and named and set(inside + named) <= set(ids)
    assert len(html) < 400_000


def test_every_figure_from_simulated_labels_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    html = write_report(run, tmp_path / "r.html", scorecards=scorecards(), build=build_manifest()).read_text("utf-8")
    assert 'id="simulated-banner"' in html
    for table in re.findall(r'<table id="(?:results|scorecard-table)">.*?</table>', html, re.DOTALL):
        cells = re.findall(r"<td class=\"n\">(.*?)</td>", table, re.DOTALL)
        figures = [cell for cell in cells if re.search(r"\d\.\d{3}", cell)]
        assert figures and all(">sim<" in cell for cell in figures)
    assert len(re.findall(r"\d\.\d\d that it holds<abbr", html)) == 30
    assert len(re.findall(r"\d\.\d\d for the reasoning</span>", html)) == 10


def test_measured_runs_never_say_simulated(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", simulated=False)
    cards, build = scorecards(simulated=False), build_manifest(simulated=False)
    html = write_report(run, tmp_path / "r.html", scorecards=cards, build=build).read_text("utf-8")
    body = html.partition("</head>")[2].partition('id="glossary"')[0]
    assert "simulated" not in body.lower()


def test_a_simulated_source_is_enough_to_say_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", simulated=False)
    html = write_report(run, tmp_path / "r.html", build=build_manifest(simulated=True)).read_text("utf-8")
    assert 'id="simulated-banner"' in html


def test_names_come_from_the_snapshot(tmp_path: Path) -> None:
    def table(name: str, row: dict[str, object]) -> pl.DataFrame:
        return pl.DataFrame([row], schema=TABLE_SCHEMAS[name])

    term = {"id": "GO:0006357", "name": "regulation of transcription", "namespace": "biological_process",
            "information_content": 1.0, "synonyms": []}  # fmt: skip
    gene = {
        "symbol": "MYC",
        "hgnc_id": "",
        "entrez": "",
        "ensembl": "",
        "uniprot": [],
        "name": "MYC proto-oncogene",
        "aliases": [],
    }
    pathway = {"id": "WP179", "name": "Cell cycle", "source": "WikiPathways"}
    tables = GraphTables(
        {"terms": table("terms", term), "genes": table("genes", gene), "pathways": table("pathways", pathway)}
    )
    write_snapshot(tables, tmp_path / "snapshot", "b")
    run = make_run(tmp_path / "run")
    html = write_report(run, tmp_path / "r.html", snapshot_dir=tmp_path / "snapshot").read_text("utf-8")
    assert "MYC is annotated with regulation of transcription (GO:0006357)" in html
    assert "gene MYC: MYC proto-oncogene" in html
    assert "pathway WP179: Cell cycle" in html
    plain = write_report(run, tmp_path / "plain.html").read_text("utf-8")
    assert "MYC is annotated with GO:0006357" in plain
    with pytest.raises(SnapshotError):
        write_report(run, tmp_path / "r.html", snapshot_dir=tmp_path / "nowhere")


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    program = (
        "from pathlib import Path; from rbio_kg.report import write_report; from tests.support.runs import *;"
        "import sys;"
        "write_report(Path('run'), Path(sys.argv[1]), scorecards=scorecards(), build=build_manifest())"
    )
    root = ROOT
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", program, f"{seed}.html"], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


def test_a_build_that_is_not_the_runs_is_pointed_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    other = {**build_manifest(), "build_id": "other"}
    assert "not the build that the run used" in write_report(run, tmp_path / "r.html", build=other).read_text("utf-8")
    assert "not the build" not in write_report(run, tmp_path / "r.html", build=build_manifest()).read_text("utf-8")


def test_an_address_that_is_no_web_address_is_no_link(tmp_path: Path) -> None:
    run, build = make_run(tmp_path / "run"), build_manifest()
    build["sources"][0]["url"] = "javascript:alert(1)"
    html = write_report(run, tmp_path / "r.html", build=build).read_text("utf-8")
    assert "javascript:" not in html
    assert 'href="https://string-db.org"' in html


def test_parts_that_are_missing_are_said_in_their_place(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "evaluation" / "after.json").unlink()
    (run / "log.jsonl").write_text('{"phase": "warmup", "step": 1, "loss": 2.0}\n')
    for path in (run / "rollouts").iterdir():
        path.unlink()
    text = _text(write_report(run, tmp_path / "r.html").read_text("utf-8"))
    assert "There is no evaluation after training in this run." in text
    assert "This run logged no GRPO step." in text
    assert "This run kept no rollouts" in text
    assert "sources are listed in the graph's manifest, which was not given" in text.replace("&#39;", "'")


def test_a_failed_write_leaves_the_old_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(run, taken)
    page = write_report(run, tmp_path / "r.html")
    (run / "manifest.json").write_text("{")
    before = page.read_bytes()
    with pytest.raises(ReportError):
        write_report(run, page)
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "run", "taken"]


def test_wrong_inputs_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(ReportError, match="scorecard of x"):
        write_report(run, tmp_path / "r.html", scorecards={"x": []})  # type: ignore[dict-item]
    with pytest.raises(ReportError, match="nodes is not"):
        write_report(run, tmp_path / "r.html", build={"nodes": [1]})


def test_examples_show_the_question_the_answer_and_why_none_was_read(tmp_path: Path) -> None:
    text = _text(write_report(make_run(tmp_path / "run"), tmp_path / "r.html").read_text("utf-8"))
    assert "Ten completions to read" in text
    assert re.search(r"Answer: yes , \d\d % sure", text)
    assert text.count("Answer: none, unparsed (no think)") == 2
    assert "Does a knockdown of MYC change CDK4?" in text
    assert "&lt;/think&gt;&lt;answer&gt;yes" in text


def test_a_card_tells_what_its_verifier_knows(tmp_path: Path) -> None:
    cards = {"expression": {**scorecards()["expression"], "knows": "what knockdowns did", "sources": ["perturbqa"]}}
    text = _text(write_report(make_run(tmp_path / "run"), tmp_path / "r.html", scorecards=cards).read_text("utf-8"))
    assert "What it knows what knockdowns did Sources perturbqa" in text


def test_alarms_are_listed_and_never_obeyed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    page = write_report(run, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<strong>Alarm at step 7:</strong> entropy is &lt;low&gt;." in page
    manifest = json.loads((run / "manifest.json").read_text())
    for alarms in ([], None, "none", [3]):
        (run / "manifest.json").write_text(json.dumps({**manifest, "alarms": alarms}))
        assert "No alarm was raised." in write_report(run, tmp_path / "report.html").read_text(encoding="utf-8")
