"""Every example of the package runs: in docstrings, and in the docstrings of constants (patterns of the reader)."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from rbio_kg.verifiers import text
from rbio_kg.verifiers.text import example

NAMES = {name: getattr(example, name) for name in ("example_lexicon", "matched", "read", "tagged")}
MODULES = [importlib.import_module(found.name) for found in pkgutil.walk_packages(text.__path__, f"{text.__name__}.")]


def constants(module: ModuleType) -> Iterator[tuple[str, str, int]]:
    """Name, docstring ("" without one) and line of each constant of a module."""
    assert module.__file__ is not None
    body = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            is_string = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            value = following.value.value if is_string else ""  # type: ignore[union-attr]
            yield ast.unparse(target), str(value), node.lineno


def cases(module: ModuleType) -> list[doctest.DocTest]:
    names = vars(module) | NAMES
    found = doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=NAMES)
    parser = doctest.DocTestParser()
    found += [
        parser.get_doctest(docstring, dict(names), f"{module.__name__}.{name}", module.__file__, line)
        for name, docstring, line in constants(module)
    ]
    return [case for case in found if case.examples]


CASES = [case for module in MODULES for case in cases(module)]


@pytest.mark.parametrize("case", CASES, ids=[case.name.removeprefix(f"{text.__name__}.") for case in CASES])
def test_example(case: doctest.DocTest) -> None:
    output: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(case, out=output.append)
    assert not result.failed, "".join(output)


@pytest.mark.parametrize("module", [module for module in MODULES if ".parsing." in module.__name__])
def test_every_pattern_has_an_example(module: ModuleType) -> None:
    patterns = {
        name: docstring for name, docstring, _ in constants(module) if hasattr(getattr(module, name), "finditer")
    }
    assert [name for name, docstring in patterns.items() if ">>>" not in docstring] == []
