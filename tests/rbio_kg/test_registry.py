"""The tutorial of docs/howto/own-verifier.md, installed and run as it stands; and verifiers that break, in words."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.core.claims import Claim
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke
from tests.support.locations import DOCS

TEXT = (DOCS / "howto" / "own-verifier.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def install(site: Path, module: str, code: str, points: dict[str, str]) -> None:
    """What pip leaves behind: the module and its distribution's metadata."""
    (site / f"{module}.py").write_text(code, encoding="utf-8")
    info = site / f"{module}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[rbio_kg.verifiers]\n{lines}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def here(built: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tutorial's folder as the current one, and its table in the workspace too."""
    workspace, _ = built
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path, workspace):
        (place / "pairs.csv").write_text(blocks("csv")[0])
    (tmp_path / "regulators.py").write_text(blocks("python")[0])
    yield workspace
    (workspace / "pairs.csv").unlink()


def test_the_tutorial_has_forty_lines() -> None:
    code = [line for line in blocks("python")[0].splitlines() if line.strip()]
    assert len(code) <= 40


def test_the_tutorial_runs_as_it_stands(here: Path, site: Path) -> None:
    points = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]["rbio_kg.verifiers"]
    install(site, "regulators", blocks("python")[0], points)
    documents = {}
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line)
        assert words[0] == "rbio-kg"
        documents[" ".join(words[1:3])] = invoke(here, *words[1:])
    (row,) = [row for row in documents["verifiers list"]["verifiers"] if row["name"] == "regulators"]
    assert row["ready"] and row["licence"] == "ours, not for redistribution"
    assert documents["verifiers check"]["passes"] and documents["verifiers check"]["claims"] == 6
    assert documents["verifiers card"]["coverage"] == 0.0
    (verdict,) = [item for item in documents["explain TP53"]["verdicts"] if item["verifier"] == "regulators"]
    assert verdict["score"] == 0.98
    assert documents["score pairs.csv"]["abstained"] == {"regulators": 0}
    with Workspace(here) as workspace:
        assert workspace.verifier("regulators").score([Claim("MDM2", "represses", "TP53")]).tolist() == [0.9]


def test_a_file_is_checked_where_it_lies(here: Path, site: Path) -> None:
    document = invoke(here, "verifiers", "check", "regulators.py:Regulators.open", "--claims", "pairs.csv")
    assert document["passes"] and {"name", "passed", "message"} == set(document["checks"][0])
    assert "write regulators.py:NAME" in fails(here, "verifiers", "check", "regulators.py")
    assert "no such file" in fails(here, "verifiers", "check", "absent.py:Absent")
    assert "no_such_module" in fails(here, "verifiers", "check", "no_such_module:Absent")
    # None of the drawn claims is in the table: that is a finding, not a crash.
    drawn = CliRunner().invoke(app, ["verifiers", "check", "regulators.py:Regulators.open", "--workspace", str(here)])
    assert drawn.exit_code == 1 and "--claims FILE" in " ".join(drawn.stdout.split())


BROKEN = {
    "it raised KeyError": ("self.known.get((c.subject, c.relation, c.object), np.nan)", "self.known[c.subject]"),
    "must give NaN": ("np.nan) for c", "0.5) for c"),
    "not a probability, which is 0 to 1": ('float(row["probability"])', '100 * float(row["probability"])'),
    "reason of one line": ('"pairs.csv has the pair"', '"two\\nlines"'),
    "licence": ('licence="ours, not for redistribution"', 'licence=""'),
    "a text too many": ("        check_lengths(claims, texts)\n", ""),
    "constant": ('float(row["probability"])', "0.7"),
    "other scores": ("dtype=np.float64)", "dtype=np.float64) * np.random.rand()"),
    "explain gives": ("Verdict(probability,", "Verdict(probability / 2,"),
    "pickle": ("        self.known = {", "        self.lock = __import__('threading').Lock()\n        self.known = {"),
    "name": ('name = "regulators"', 'name = "My Regulators"'),
}


@pytest.mark.parametrize("finding", BROKEN)
def test_a_breach_is_named(finding: str, here: Path, site: Path, tmp_path: Path) -> None:
    sound, broken = BROKEN[finding]
    code = blocks("python")[0]
    assert sound in code
    module = "broken_" + re.sub(r"\W", "_", finding)
    (tmp_path / f"{module}.py").write_text(code.replace(sound, broken))
    arguments = ["verifiers", "check", f"{module}.py:Regulators.open", "--claims", "pairs.csv"]
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(here)])
    assert result.exit_code == 1, result.output
    assert finding in " ".join(result.stdout.split())
    assert re.search(r"error: .* fails \d+ of \d+ checks", result.stderr.strip().splitlines()[-1])


def test_broken_ones_are_listed_with_the_reason(built: tuple[Path, dict[str, Any]], site: Path) -> None:
    workspace, _ = built
    code = "import numpy as np\nfrom verifiers import Verifier\n"
    code += "def raises(workspace):\n    raise RuntimeError('no licence key')\n"
    code += "def number(workspace):\n    return 3\n"
    code += blocks("python")[0].replace("    card = Card(", "    _card = Card(").replace('"""Judges', '"""')
    code += "\nRegulators.card = property(lambda self: 1 / 0)\nRegulators.__abstractmethods__ = frozenset()\n"
    code += "class Bad(Regulators):\n    def __init__(self, workspace): pass\n"
    points = {name: f"breaking:{name}" for name in ("raises", "number", "absent", "Bad")}
    install(site, "breaking", code, points | {"unimportable": "no_such_module:x"})
    rows = {row["name"]: row for row in invoke(workspace, "verifiers", "list")["verifiers"]}
    assert rows["graph_path"]["ready"]
    for name, reason in {
        "raises": "no licence key",
        "number": "int, which lacks",
        "absent": "absent",
        "unimportable": "no_such_module",
        "Bad": "ZeroDivisionError",
    }.items():
        assert not rows[name]["ready"] and reason in rows[name]["reason"]
    verdicts = {item["verifier"]: item for item in invoke(workspace, "explain", "TP53", "MDM2")["verdicts"]}
    assert verdicts["raises"]["status"] == "abstain" and verdicts["graph_path"]["status"] == "ok"
    assert verdicts["Bad"]["status"] == "error" and "AttributeError" in verdicts["Bad"]["reason"]
    assert "no licence key" in fails(workspace, "verifiers", "check", "raises")
