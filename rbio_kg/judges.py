"""The built-in verifiers, and how each is opened in a workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rbio_kg.errors import VerifierError

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace
    from verifiers.interface import Verifier


def fitted(workspace: Workspace, name: str, how: str) -> Path:
    """The folder of a fitted verifier.

    Raises:
        VerifierError: it has not been fitted; `how` says what to run.
    """
    folder = workspace.model_folder(name)
    if not folder.is_dir():
        raise VerifierError(f"{name} has not been fitted here", where=folder, hint=f"run {how}")
    return folder


def _graph_path(workspace: Workspace) -> Verifier:
    from verifiers.graph_path import GraphPathVerifier

    folder = workspace.model_folder("graph_path")
    return GraphPathVerifier(workspace.snapshot_folder, folder if folder.is_dir() else None)


def _link_predictor(workspace: Workspace) -> Verifier:
    from verifiers.link_predictor import LinkPredictorVerifier

    return LinkPredictorVerifier(fitted(workspace, "link_predictor", "rbio-kg train link-predictor"))


def _expression(workspace: Workspace) -> Verifier:
    from verifiers.expression import ExpressionVerifier

    return ExpressionVerifier(fitted(workspace, "expression", "rbio-kg train expression"))


def _ontology_text(workspace: Workspace, *namespaces: str) -> Verifier:
    from rbio_kg.graph.compilation import NAMESPACES
    from verifiers.ontology_text import OntologyTextVerifier

    return OntologyTextVerifier(workspace.snapshot_folder, namespaces=namespaces or NAMESPACES)


def _reasoning_trace(workspace: Workspace) -> Verifier:
    from verifiers.reasoning_trace import ReasoningTraceVerifier

    return ReasoningTraceVerifier(workspace.snapshot_folder)


def _experiment(workspace: Workspace) -> Verifier:
    from verifiers.experiment import ExperimentVerifier

    return ExperimentVerifier(workspace.build_folder / "tables")


BUILT_IN: dict[str, Callable[[Workspace], Verifier]] = {
    "graph_path": _graph_path,
    "link_predictor": _link_predictor,
    "expression": _expression,
    "ontology_text": _ontology_text,
    "reasoning_trace": _reasoning_trace,
    "experiment": _experiment,
}


def _of_ontology(namespace: str) -> Callable[[Workspace], Verifier]:
    return lambda workspace: _ontology_text(workspace, namespace)


VARIANTS: dict[str, Callable[[Workspace], Verifier]] = {
    "ontology_text:process": _of_ontology("biological_process"),
    "ontology_text:function": _of_ontology("molecular_function"),
    "ontology_text:component": _of_ontology("cellular_component"),
}
"""Verifiers that read one part of what a built-in one reads: for recipes, not among the verifiers that are listed."""
