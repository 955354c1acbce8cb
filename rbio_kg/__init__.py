"""rbio-kg: post-train a language model on biology with a gene and pathway knowledge graph as the judge.

Public names are imported when first used, so that `import rbio_kg` stays quick and needs no torch.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbio_kg.claims import Claim, Evidence, Node, Relation, Status, Verdict
    from rbio_kg.errors import RbioKGError
    from rbio_kg.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "Claim": "rbio_kg.claims",
    "Evidence": "rbio_kg.claims",
    "Node": "rbio_kg.claims",
    "Relation": "rbio_kg.claims",
    "Status": "rbio_kg.claims",
    "Verdict": "rbio_kg.claims",
    "RbioKGError": "rbio_kg.errors",
    "Workspace": "rbio_kg.workspace",
}

__all__ = ["Claim", "Evidence", "Node", "RbioKGError", "Relation", "Status", "Verdict", "Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rbio_kg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _refuse_foreign_packages() -> None:
    """Another distribution is also called `verifiers`: say so at once, instead of failing oddly later."""
    home = Path(__file__).resolve().parents[1]
    for package in ("graph_builders", "verifiers", "training"):
        spec = importlib.util.find_spec(package)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
        if home / package not in places:
            found = places[0] if places else "nowhere"
            raise ImportError(
                f"rbio-kg needs its own package {package!r} in {home}, but Python finds it in {found}; uninstall the "
                f"other distribution that brings {package!r}, or give rbio-kg a virtual environment of its own"
            )


_refuse_foreign_packages()
