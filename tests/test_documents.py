"""The documents are true: every link, file and dotted name that they mention exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from rbio_kg.cli.app import app
from tests.support.locations import DOCS, ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FOLDERS = "rbio_kg|graph_builders|verifiers|training|benchmarks|tests|docs|examples|scripts"
EXAMPLES = {"graph_builders/sources/hallmarks.py"}
"""Files that a document asks the reader to write."""
ENDINGS = "py|toml|json|cypher|tsv|md|svg|j2"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(rf"(?<![\w./*-])(?:{FOLDERS})/(?:[\w.-]+/)*[\w-]+\.(?:{ENDINGS})\b")
FOLDER = re.compile(rf"(?<![\w./*-])(?:{FOLDERS})/(?:[\w-]+/)*(?![\w*{{<.-])")
DOTTED = re.compile(rf"(?<![\w./-])(?:rbio_kg|benchmarks|scripts|tests)(?:\.(?!(?:{ENDINGS})\b)[A-Za-z_]\w*)+")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
COMMAND = re.compile(r"(?:^|[`$=/ ])rbio(?:-kg|_kg) (?!import)([a-z][^`\n#|&]*)", re.M)
BENCHMARK = re.compile(r"python -m benchmarks\.([\w.]+)([^`\n|]*)")


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def anchors(document: Path) -> frozenset[str]:
    return frozenset(slug(title) for title in re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.M))


def missing_link(document: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return False
    name, _, anchor = target.partition("#")
    file = (document.parent / name).resolve() if name else document
    return not file.exists() or (bool(anchor) and anchor not in anchors(file))


def defined(body: list[ast.stmt]) -> dict[str, ast.AST]:
    """Names that a module or class defines or imports, also under an `if`."""
    found: dict[str, ast.AST] = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({item.id: node for item in node.targets if isinstance(item, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update({item.asname or item.name: node for item in node.names})
        elif isinstance(node, ast.If):
            found.update(defined(node.body))
    return found


@cache
def resolves(dotted: str) -> bool:
    """Whether `package.module`, `package.module.Name` or `package.module.Class.attribute` exists; imports nothing."""
    place, parts = ROOT, dotted.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    file = place / "__init__.py"
    if parts and (place / f"{parts[0]}.py").is_file():
        file = place / f"{parts.pop(0)}.py"
    if not parts:
        return file.is_file()
    names = defined(ast.parse(file.read_text(encoding="utf-8")).body)
    for part in parts[:-1]:
        node = names.get(part)
        if not isinstance(node, ast.ClassDef):
            return isinstance(node, ast.ImportFrom)  # defined elsewhere
        names = defined(node.body)
    return parts[-1] in names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_file_and_name_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = [target for target in LINK.findall(text) if missing_link(document, target)]
    wrong += [path for path in FILE.findall(text) if path not in EXAMPLES and not (ROOT / path).is_file()]
    wrong += [path for path in FOLDER.findall(text) if not (ROOT / path).is_dir()]
    wrong += [name for name in DOTTED.findall(text) if not resolves(name)]
    assert not wrong, f"{document.name} names what does not exist: {sorted(set(wrong))}"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("rbio_kg.Workspace", True),
        ("rbio_kg.core.claims", True),
        ("rbio_kg.core.claims.Claim", True),
        ("rbio_kg.core.claims.Claim.subject", True),
        ("rbio_kg.core.claims.Claim.nothing", False),
        ("rbio_kg.core.nothing", False),
        ("benchmarks.nothing", False),
    ],
)
def test_dotted_names_are_looked_up(name: str, known: bool) -> None:
    assert resolves(name) is known


def unknown_option(words: list[str]) -> str | None:
    """The first word of a command line that the program does not know."""
    command: Any = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands"):
        return words[0] if words else None
    known = {name for item in command.params for name in (*item.opts, *item.secondary_opts)} | {"--help", "--version"}
    return next((word for word in words if word.startswith("--") and word.split("=")[0] not in known), None)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists(document: Path) -> None:
    code = "\n".join(CODE.findall(document.read_text(encoding="utf-8").replace("\\\n", " ")))
    wrong = {line: word for line in COMMAND.findall(code) if (word := unknown_option(line.split())) is not None}
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_of_a_benchmark_exists(document: Path) -> None:
    wrong = []
    for module, arguments in BENCHMARK.findall(document.read_text(encoding="utf-8").replace("\\\n", " ")):
        source = (ROOT / "benchmarks" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        wrong += [(module, name) for name in re.findall(r"(?<=\s)--[\w-]+", arguments) if f'"{name}"' not in source]
    assert not wrong
