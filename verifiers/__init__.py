"""Verifiers: sources of probabilities for claims, with cards, calibration, scorecards and a contract.

`base.verifier` defines what a verifier is: open it first. `graph_path`, `link_predictor`, `expression` and `text` hold
the built-in ones, `pooling` and `scoring_rules` turn their scores into a reward, `evaluation` measures them, and
`testing` checks the contract. Public names are imported at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths
    from rbio_kg.verifiers.expression.measured import ExperimentVerifier
    from rbio_kg.verifiers.expression.verifier import ExpressionVerifier
    from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier
    from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier
    from rbio_kg.verifiers.pooling import pool
    from rbio_kg.verifiers.scoring_rules import scoring_rule
    from rbio_kg.verifiers.text.ontology_text import OntologyTextVerifier
    from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier

_MODULES = {
    "Card": "base.verifier",
    "ExperimentVerifier": "expression.measured",
    "ExpressionVerifier": "expression.verifier",
    "GraphPathVerifier": "graph_path.verifier",
    "LinkPredictorVerifier": "link_predictor.verifier",
    "OntologyTextVerifier": "text.ontology_text",
    "ReasoningTraceVerifier": "text.reasoning_trace",
    "Verifier": "base.verifier",
    "check_lengths": "base.verifier",
    "pool": "pooling",
    "scoring_rule": "scoring_rules",
}

__all__ = [
    "Card",
    "ExperimentVerifier",
    "ExpressionVerifier",
    "GraphPathVerifier",
    "LinkPredictorVerifier",
    "OntologyTextVerifier",
    "ReasoningTraceVerifier",
    "Verifier",
    "check_lengths",
    "pool",
    "scoring_rule",
]


def __getattr__(name: str) -> Any:
    """Import a public name at first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
