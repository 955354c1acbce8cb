"""The report in a real browser: its parts are there, its console is silent, and it fits a phone."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.report import write_report
from tests.support.browser import open_page
from tests.support.runs import build_manifest, make_run, scorecards

pytestmark = pytest.mark.browser

PARTS = (
    "simulated-banner", "run", "graph", "sources", "settings", "before-after", "finding", "whiskers", "results",
    "curves", "curve-warmup-loss", "curve-reward", "curve-parts", "curve-well-formed", "curve-entropy", "curve-yes",
    "curve-length", "curve-held-out", "curve-zero-spread", "alarms",
    "scorecards", "scorecard-table", "reliability-0-title", "examples",
    *(f"example-{number}" for number in range(1, 11)), "evidence-1", "glossary", "reproduce",
)  # fmt: skip

ATTACK = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    "</pre></article></style><svg onload=\"document.title='taken'\">{{ 7*7 }}\u202e&lt;b&gt;"
)

MEASURE = """
<iframe id="page" style="width: 390px; height: 800px; border: 0" srcdoc="{page}"></iframe>
<pre id="found"></pre>
<script>
  const frame = document.getElementById("page");
  frame.addEventListener("load", () => {{
    const inside = frame.contentDocument;
    const clipped = [];
    for (const svg of inside.querySelectorAll("svg")) {{
      const box = svg.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      for (const text of svg.querySelectorAll("text")) {{
        const own = text.getBoundingClientRect();
        const out = own.left < box.left - 2 || own.right > box.right + 2 || own.bottom > box.bottom + 2;
        if (out) clipped.push(svg.id + ": " + text.textContent);
      }}
    }}
    const found = {{ width: inside.documentElement.scrollWidth, svgs: inside.querySelectorAll("svg").length, clipped }};
    document.getElementById("found").textContent = JSON.stringify(found);
  }});
</script>
"""


def test_the_whole_report_opens_without_a_word_on_the_console(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    page = open_page(write_report(run, tmp_path / "report.html", scorecards=scorecards(), build=build_manifest()))
    assert page.console == ()
    assert [part for part in PARTS if part not in page.ids] == []
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize(
    ("script", "said"),
    [("console.error('boom')", "boom"), ("nothing.there()", "nothing is not defined")],
)
def test_the_checker_hears_errors(tmp_path: Path, script: str, said: str) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(f"<!doctype html><title>bad</title><p id='here'>here</p><script>{script}</script>")
    page = open_page(bad)
    assert page.ids == ["here"]
    assert any(said in line for line in page.console)


def test_what_a_model_writes_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run / "rollouts").iterdir():
        frame = pl.read_parquet(path)
        hostile = frame["verdicts"].to_list()
        judged = [json.loads(text) for text in hostile]
        for verdicts in judged:
            verdicts[0]["reason"] = verdicts[0]["verifier"] = ATTACK
            verdicts[0]["evidence"][0]["end"]["key"] = ATTACK
            verdicts[0]["evidence"][0]["detail"] = {"source": ATTACK, ATTACK: ATTACK}
        frame.with_columns(
            completion=pl.lit(ATTACK), verdicts=pl.Series([json.dumps(one) for one in judged])
        ).write_parquet(path)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest |= {"name": ATTACK, "status": ATTACK, "config": {ATTACK: ATTACK}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    written = write_report(run, tmp_path / "report.html", scorecards={ATTACK: scorecards()["expression"]})
    # Without the page's own policy, so that escaping alone must hold.
    text, removed = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", written.read_text("utf-8"))
    assert removed == 1
    bare = tmp_path / "bare.html"
    bare.write_text(text, "utf-8")
    page = open_page(bare)
    assert page.console == ()
    assert "<title>taken" not in page.dom
    assert "<script" not in page.dom
    assert "<img" not in page.dom
    assert "&lt;script&gt;document.title='taken'&lt;/script&gt;" in page.dom
    assert "{{ 7*7 }}⟨U+202E⟩" in page.dom


def test_it_fits_a_phone(tmp_path: Path) -> None:
    written = write_report(
        make_run(tmp_path / "run"), tmp_path / "report.html", scorecards=scorecards(), build=build_manifest()
    )
    holder = tmp_path / "holder.html"
    holder.write_text(MEASURE.format(page=html.escape(written.read_text("utf-8"))), "utf-8")
    page = open_page(holder)
    answer = re.search(r'<pre id="found">(\{.*?\})</pre>', page.dom)
    assert answer, page.dom[-500:]
    found = json.loads(html.unescape(answer.group(1)))
    assert found["svgs"] > 20
    assert found["width"] <= 390
    assert found["clipped"] == []


def test_a_run_that_has_only_begun_opens_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "young")
    for part in run.iterdir():
        if part.name != "manifest.json":
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "name": "young", "simulated": False, "result": {}}))
    page = open_page(write_report(run, tmp_path / "report.html"))
    assert page.console == ()
    assert "simulated-banner" not in page.ids
    assert "<svg" not in page.dom
    for said in ("has not been evaluated yet", "no training log", "No scorecards were given", "kept no rollouts"):
        assert said in page.dom
