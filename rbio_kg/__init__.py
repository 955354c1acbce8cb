"""rbio-kg: post-train a language model on biology, with a gene and pathway knowledge graph that verifies its answers.

Public names are imported when first used, so that `import rbio_kg` stays quick and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbio_kg.core.claims import Claim, Evidence, Node, Relation, Status, Verdict
    from rbio_kg.core.errors import (
        BuildError,
        ConfigError,
        EvaluationError,
        ModelError,
        RbioKGError,
        RewardError,
        SourceError,
        StoreError,
        TrainingError,
        VerifierError,
    )
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.verifiers.base.verifier import Card, Verifier
    from rbio_kg.workspace import Workspace

__version__ = "0.1.0"

_MODULES = {
    "rbio_kg.core.claims": ("Claim", "Evidence", "Node", "Relation", "Status", "Verdict"),
    "rbio_kg.core.errors": (
        "BuildError",
        "ConfigError",
        "EvaluationError",
        "ModelError",
        "RbioKGError",
        "RewardError",
        "SourceError",
        "StoreError",
        "TrainingError",
        "VerifierError",
    ),
    "rbio_kg.training.rewards.composed": ("ComposedReward",),
    "rbio_kg.verifiers.base.verifier": ("Card", "Verifier"),
    "rbio_kg.workspace": ("Workspace",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BuildError",
    "Card",
    "Claim",
    "ComposedReward",
    "ConfigError",
    "EvaluationError",
    "Evidence",
    "ModelError",
    "Node",
    "RbioKGError",
    "Relation",
    "RewardError",
    "SourceError",
    "Status",
    "StoreError",
    "TrainingError",
    "Verdict",
    "Verifier",
    "VerifierError",
    "Workspace",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rbio_kg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
