"""What the cases share: a fitted sample workspace, changed copies of the sample's sources, and the command line."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typer.testing import CliRunner

from rbio_kg.cli.app import app
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.workspace import Workspace
from tests.support.locations import ROOT
from tests.support.tiny_model import save_tiny_model

PROGRAM = (sys.executable, "-m", "rbio_kg")
FAULT = re.compile(r"a fault in rbio-kg|Traceback")


@dataclass(frozen=True)
class Check:
    """One thing that a case shows.

    Args:
        what: the input or the command, in a few words.
        now: the essential line or number of the output.
        right: what it must be.
        holds: whether it is.
    """

    what: str
    now: str
    right: str
    holds: bool


@dataclass(frozen=True)
class Ran:
    """A command that ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON document; empty where there is none."""
        try:
            found = json.loads(self.out)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {"rows": found}

    @property
    def text(self) -> str:
        """All that was written, without progress."""
        said = [line for line in self.err.splitlines() if not line.startswith("  ")]
        return "\n".join([self.out, *said])

    @property
    def last(self) -> str:
        """The exit code and the last line that is no progress."""
        said = [line for line in self.err.splitlines() if line.strip() and not line.startswith("  ")]
        return f"exit {self.code}" + (f": {said[-1]}" if said else "")

    @property
    def faulty(self) -> bool:
        """Whether the program failed by a fault of its own."""
        return bool(FAULT.search(self.err)) or self.code not in (0, 1, 2, 130)

    @property
    def refused(self) -> bool:
        """Whether it ended with one clear line."""
        return self.code == 1 and not self.faulty

    @property
    def auroc(self) -> float | None:
        """The per-gene AUROC of an evaluation."""
        value = self.document.get("per_gene_auroc")
        return None if value is None else float(value)

    @property
    def figure(self) -> str:
        """The AUROC where there is one, else the last line."""
        return self.last if self.auroc is None else f"{self.auroc:.3f}"

    def count(self, *names: str) -> int:
        """The sum of all numbers under the first of these keys that the document has."""
        for name in names:
            if name in self.document:
                return total(self.document[name])
        return 0


def total(value: Any) -> int:
    """The sum of all whole numbers in a JSON value."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, Mapping):
        return sum(map(total, value.values()))
    if isinstance(value, list):
        return sum(map(total, value))
    return value if isinstance(value, int) else 0


class Bench:
    """One sample workspace, and temporary folders for everything else.

    Args:
        cases: folder of the cases; it is only read.
        folder: for workspaces and files; a sample workspace that is there is used again.
    """

    def __init__(self, cases: Path, folder: Path) -> None:
        self.cases, self.folder = cases, folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def case(self, number: str) -> Path:
        """The folder of a case by the number that its name begins with."""
        return next(path for path in sorted(self.cases.iterdir()) if path.name.split("-")[0] == number)

    def new(self, name: str) -> Path:
        """A path in a new folder."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / name

    # Commands

    def run(self, *arguments: object, workspace: Path | None = None, as_json: bool = True) -> Ran:
        """A command in this process."""
        given = [str(item) for item in arguments]
        given += ["--workspace", str(workspace or self.sample), *(["--json"] if as_json else [])]
        found = CliRunner().invoke(app, given)
        if found.exit_code == 130:  # The command took Ctrl-C or SIGTERM for itself; the table ends as well.
            raise KeyboardInterrupt
        return Ran(found.exit_code, found.stdout, found.stderr)

    def environment(self) -> dict[str, str]:
        """Of a process that runs a command."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "RBIO_KG_WORKSPACE": str(self.sample), "OMP_NUM_THREADS": "1"}

    def process(self, *arguments: object, cwd: Path | None = None) -> Ran:
        """A program in a process of its own, with the sample as its workspace."""
        found = subprocess.run(
            [str(item) for item in arguments],
            cwd=cwd or self.folder, env=self.environment(), capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        return Ran(found.returncode, found.stdout, found.stderr)

    def signalled(self, arguments: Sequence[object], ready: Callable[[str], bool], signal: int) -> Ran:
        """A command that gets a signal at the first line of standard error for which `ready` holds."""
        command = [*PROGRAM, *(str(item) for item in arguments)]
        lines, sent = [], False
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1,
        ) as process:  # fmt: skip
            assert process.stderr is not None and process.stdout is not None
            for line in process.stderr:
                lines.append(line)
                if not sent and ready(line):
                    process.send_signal(signal)
                    sent = True
            out = process.stdout.read()
        return Ran(process.returncode, out, "".join(lines))

    # Workspaces

    @cached_property
    def sample(self) -> Path:
        """A workspace with the sample's graph and its fitted verifiers."""
        workspace = self.folder / "sample"
        commands = (
            ("build", "--sources", str(sample_directory())),
            ("train", "link-predictor", "--epochs", "2", "--seed", "1"),
            ("train", "expression", "--seed", "1"),
        )
        for command in () if (workspace / "models" / "expression").is_dir() else commands:
            found = self.run(*command, workspace=workspace)
            assert found.code == 0, found.err
        # One server for all commands: whoever holds a store open shares it.
        opened = self._open.enter_context(Workspace(workspace))
        assert opened.store.build_id()
        return workspace

    @cached_property
    def changing(self) -> Path:
        """A workspace that is built from changed sources, again and again."""
        return self.folder / "changing"

    def built(self, name: str) -> Path:
        """A new workspace with the sample's graph, without verifiers."""
        workspace = self.new(name)
        assert self.run("build", "--sources", sample_directory(), workspace=workspace).code == 0
        return workspace

    # Sources and questions

    def sources(self, changes: Mapping[str, Callable[[str], str]], extra: Mapping[str, str] | None = None) -> Path:
        """A copy of the sample's sources.

        Args:
            changes: file below the folder, without .gz, to what changes its text.
            extra: further file to its text.
        """
        folder = self.new("sources")
        shutil.copytree(sample_directory(), folder)
        for name, change in changes.items():
            text = change(sample_text(name))
            (folder / f"{name}.gz").unlink(missing_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for name, text in (extra or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def build(self, sources: Path, *options: str) -> Ran:
        """Build changed sources."""
        return self.run("build", "--sources", sources, *options, workspace=self.changing)

    def shown(self, sources: Path, *options: str) -> str:
        """What people read after a build."""
        return self.run("build", "--sources", sources, *options, workspace=self.changing, as_json=False).text

    def query(self, cypher: str) -> list[dict[str, Any]]:
        """Rows of the graph that was built last."""
        found = self.run("query", cypher, workspace=self.changing)
        assert found.code == 0, found.last
        rows: list[dict[str, Any]] = found.document["rows"]
        return rows

    def evaluate(self, questions: Path, line: str | None = "k562", *, workspace: Path | None = None) -> Ran:
        """`evaluate expression` on a questions file."""
        named = ["--cell-line", line] if line else []
        command = ("evaluate", "expression", "--questions", questions, "--task", "de", *named)
        return self.run(*command, workspace=workspace)

    def compare(self, predictions: Path, questions: Path | None = None) -> Ran:
        """`evaluate predictions` on the sample's questions of k562."""
        file = questions or self.questions()
        return self.run(
            "evaluate", "predictions", predictions, "--questions", file, "--task", "de", "--cell-line", "k562"
        )

    def questions(self, change: Callable[[list[list[str]]], Iterable[Sequence[str]]] | None = None) -> Path:
        """The sample's questions of k562 (pert, gene, label, split), changed."""
        rows = [row[:4] for row in csv.reader(sample_text("perturbqa/k562-de.csv").splitlines())]
        file = self.new("k562-de.csv")
        with file.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([rows[0], *(change(rows[1:]) if change else rows[1:])])
        return file

    @cached_property
    def right_auroc(self) -> float:
        """The AUROC of the expression model on the sample's questions of k562."""
        found = self.evaluate(self.questions()).auroc
        assert found is not None
        return found

    @cached_property
    def ensembl(self) -> dict[str, str]:
        """Symbol to Ensembl id, of the sample's genes."""
        rows = csv.DictReader(sample_text("hgnc/hgnc_complete_set.txt").splitlines(), delimiter="\t")
        return {row["symbol"]: row["ensembl_gene_id"] for row in rows if row["ensembl_gene_id"]}

    # Training

    @cached_property
    def model(self) -> Path:
        """A tiny random language model."""
        return save_tiny_model(self.folder / "tiny-model")

    def recipe(self, file: Path, *changes: tuple[str, str]) -> Path:
        """A recipe of a case, with the paths of this machine and some settings replaced."""
        text = file.read_bytes().decode("utf-8", "surrogateescape")
        for old, new in (("DIR/lm/tiny", str(self.model)), ("CASES", str(self.cases)), *changes):
            text = text.replace(old, new)
        written = self.new(file.name)
        written.write_bytes(text.encode("utf-8", "surrogateescape"))
        return written


def sample_text(name: str) -> str:
    """The text of a file of the sample."""
    path = sample_directory() / f"{name}.gz"
    return gzip.decompress(path.read_bytes()).decode() if path.is_file() else path.with_suffix("").read_text("utf-8")


def essence(text: str, word: str) -> str:
    """The first line of a text with a word."""
    return next((line.strip() for line in text.splitlines() if word in line), f"no word about {word}")


def read(path: Path) -> str:
    """The text of a case's file."""
    return path.read_text(encoding="utf-8")


def same(value: float | None, right: float, within: float = 0.0015) -> bool:
    """Whether an AUROC is the right one, to the digits shown."""
    return value is not None and abs(value - right) <= within
