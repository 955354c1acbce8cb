"""Verifiers by name: the built-in ones, those that distributions register, and those named by where their code lies."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from rbio_kg.core.errors import RbioKGError, VerifierError, fault
from rbio_kg.verifiers.base.verifier import Verifier


class VerifierSources(Protocol):
    """What a verifier is opened from; a `Workspace` is one."""

    @property
    def snapshot_folder(self) -> Path:
        """Folder of the memory-mapped snapshot."""
        ...

    @property
    def build_folder(self) -> Path:
        """Folder of the build in use."""
        ...

    def model_folder(self, name: str) -> Path:
        """Where the fitted verifier `name` is stored."""
        ...


GROUP = "rbio_kg.verifiers"
INTERFACE = ("name", "kind", "card", "score", "explain")
HINT = "see docs/own-verifier.md"


def registered() -> dict[str, EntryPoint]:
    """The entry points of the group, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def is_address(name: str) -> bool:
    """Whether a name says where code lies: `MODULE:NAME` or `FILE.py:NAME`."""
    return ":" in name or name.endswith(".py")


def addressed(name: str) -> EntryPoint:
    """`MODULE:NAME` or `FILE.py:NAME` as an entry point; NAME is a callable that takes the workspace.

    Raises:
        VerifierError: the file is missing or cannot be imported, or NAME is not given.
    """
    place, _, attribute = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    if not attribute:
        raise VerifierError("no name in the file is given", where=name, hint=f"write {name}:NAME; {HINT}")
    if place.endswith(".py"):
        place = _imported(Path(place))
    return EntryPoint(attribute, f"{place}:{attribute}", GROUP)


def opened(point: EntryPoint, workspace: VerifierSources) -> Verifier:
    """The verifier that an entry point gives for a workspace.

    Raises:
        VerifierError: it cannot be imported or called, or what it gives is no verifier.
    """
    where = f"{point.name} = {point.value}"
    try:
        made = point.load()(workspace)
    except RbioKGError:
        raise
    except Exception as error:  # somebody else's code
        raise VerifierError(f"cannot be opened ({fault(error)})", where=where, hint=HINT) from error
    missing = [item for item in INTERFACE if not hasattr(type(made), item)]
    if missing:
        raise VerifierError(
            f"gave {type(made).__name__}, which lacks {', '.join(missing)}",
            where=where,
            hint=f"subclass verifiers.Verifier; {HINT}",
        )
    return cast("Verifier", made)


def _imported(path: Path) -> str:
    """Import a file under its own name, so that what it defines can be pickled; that name."""
    name = path.stem
    if name in sys.modules:
        if getattr(sys.modules[name], "__file__", None) != str(path.resolve()):
            raise VerifierError(f"a module named {name!r} is there already", where=path, hint="rename the file")
        return name
    if not path.is_file():
        raise VerifierError("there is no such file", where=path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise VerifierError("cannot be imported", where=path, hint=HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise VerifierError(f"cannot be imported ({fault(error)})", where=path, hint=HINT) from error
    return name


def fitted(workspace: VerifierSources, name: str, how: str) -> Path:
    """The folder of a fitted verifier.

    Raises:
        VerifierError: it has not been fitted; `how` says what to run.
    """
    folder = workspace.model_folder(name)
    if not folder.is_dir():
        raise VerifierError(f"{name} has not been fitted here", where=folder, hint=f"run {how}")
    return folder


def _graph_path(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier

    folder = workspace.model_folder("graph_path")
    return GraphPathVerifier(workspace.snapshot_folder, folder if folder.is_dir() else None)


def _link_predictor(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier

    return LinkPredictorVerifier(fitted(workspace, "link_predictor", "rbio-kg train link-predictor"))


def _expression(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.expression.verifier import ExpressionVerifier

    return ExpressionVerifier(fitted(workspace, "expression", "rbio-kg train expression"))


def _ontology_text(workspace: VerifierSources, *namespaces: str) -> Verifier:
    from rbio_kg.graph.schema.schema import NAMESPACES
    from rbio_kg.verifiers.text.ontology_text import OntologyTextVerifier

    return OntologyTextVerifier(workspace.snapshot_folder, namespaces=namespaces or NAMESPACES)


def _reasoning_trace(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier

    return ReasoningTraceVerifier(workspace.snapshot_folder)


def _experiment(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.expression.measured import ExperimentVerifier

    return ExperimentVerifier(workspace.build_folder / "tables")


BUILT_IN: dict[str, Callable[[VerifierSources], Verifier]] = {
    "graph_path": _graph_path,
    "link_predictor": _link_predictor,
    "expression": _expression,
    "ontology_text": _ontology_text,
    "reasoning_trace": _reasoning_trace,
    "experiment": _experiment,
}


def _of_ontology(namespace: str) -> Callable[[VerifierSources], Verifier]:
    return lambda workspace: _ontology_text(workspace, namespace)


VARIANTS: dict[str, Callable[[VerifierSources], Verifier]] = {
    "ontology_text:process": _of_ontology("biological_process"),
    "ontology_text:function": _of_ontology("molecular_function"),
    "ontology_text:component": _of_ontology("cellular_component"),
}
"""Verifiers that read one part of what a built-in one reads: for recipes, not among the verifiers that are listed."""
