"""The verifiers of a workspace: which are ready, and whether one keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import BuildError, ConfigError, RbioKGError, fault
from rbio_kg.services.score import as_claims, read_claims

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase


def listed(workspace: WorkspaceBase, name: str) -> dict[str, Any]:
    """One verifier's card, or the reason why there is none; a broken one does not hide the others."""
    try:
        verifier = workspace.verifier(name)
        return {"name": name, "kind": verifier.kind, "ready": True, **verifier.card.to_json()}
    except (BuildError, ConfigError):
        raise  # nothing of the workspace can be used
    except RbioKGError as error:
        reason = str(error)
    except Exception as error:  # somebody else's code
        reason = fault(error)
    return {"name": name, "kind": None, "ready": False, "reason": reason}


def check_document(workspace: WorkspaceBase, name: str, claims: Path | None) -> dict[str, Any]:
    """Every check of the contract and how it went."""
    from rbio_kg.verifiers.testing import make_context, run_checks

    verifier = workspace.verifier(name)
    own = None if claims is None else as_claims(read_claims(claims), claims)
    context = make_context(verifier, workspace.tables, own, seed=workspace.settings.seed)
    outcomes = run_checks(context)
    return {
        "name": name,
        "passes": all(outcome.passed for outcome in outcomes),
        "claims": len(context.claims),
        "checks": [vars(outcome) for outcome in outcomes],
    }
