"""The verifiers of a workspace: which are ready, and whether one keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from rbio_kg.core.errors import BuildError, ConfigError, RbioKGError, StaleError, fault
from rbio_kg.registry import FITTED_BY
from rbio_kg.services.score import as_claims, read_claims

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.verifiers.base.verifier import Card
    from rbio_kg.verifiers.testing import Outcome

VerifierStatus = Literal["ready", "stale", "not fitted", "broken"]


@dataclass(frozen=True)
class ListedVerifier:
    """A verifier of a workspace: its card, or the reason why it is not ready.

    Args:
        name: its name.
        kind: `claim` or `text`; None where it is not ready.
        card: None where it is not ready.
        reason: why it is not ready, or stale.
        status: `ready`, `stale` (fitted on another build), `not fitted` or `broken`. A stale one is ready only where
            that is allowed.
    """

    name: str
    kind: str | None
    card: Card | None
    reason: str | None = None
    status: VerifierStatus = "ready"

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.card is not None

    @property
    def simulated(self) -> bool:
        """Whether it was fitted on simulated labels; False where it is not ready."""
        return self.card is not None and self.card.simulated

    def to_json(self) -> dict[str, Any]:
        """An element of the document of `verifiers list`."""
        document = {"name": self.name, "kind": self.kind, "ready": self.ready, "status": self.status}
        reason = {} if self.reason is None else {"reason": self.reason}
        return document | reason | ({} if self.card is None else self.card.to_json())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The verifier that `to_json` wrote."""
        from rbio_kg.verifiers.base.verifier import Card

        card = Card.from_json(document) if document["ready"] else None
        return cls(document["name"], document["kind"], card, document.get("reason"), document.get("status", "ready"))


@dataclass(frozen=True)
class ContractCheck:
    """The checks of the contract on one verifier, and the number of claims that it was given."""

    name: str
    claims: int
    checks: tuple[Outcome, ...]

    @property
    def passes(self) -> bool:
        """Whether it passes every check."""
        return all(outcome.passed for outcome in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The document of `verifiers check`."""
        return {
            "name": self.name,
            "passes": self.passes,
            "claims": self.claims,
            "checks": [asdict(outcome) for outcome in self.checks],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The checks that `to_json` wrote."""
        from rbio_kg.verifiers.testing import Outcome

        return cls(document["name"], document["claims"], tuple(Outcome(**item) for item in document["checks"]))


def listed(workspace: WorkspaceBase, name: str) -> ListedVerifier:
    """One verifier's card, or the reason why there is none; a broken one does not hide the others."""
    status: VerifierStatus = "broken"
    try:
        verifier = workspace.verifier(name)
        stale = workspace.stale.get(name)
        return ListedVerifier(name, verifier.kind, verifier.card, stale, "stale" if stale else "ready")
    except (BuildError, ConfigError):
        raise  # nothing of the workspace can be used
    except StaleError as error:
        reason, status = str(error), "stale"
    except RbioKGError as error:
        reason = str(error)
        if name in FITTED_BY and not workspace.model_folder(name).is_dir():
            status = "not fitted"
    except Exception as error:  # somebody else's code
        reason = fault(error)
    return ListedVerifier(name, None, None, reason, status)


def check_contract(workspace: WorkspaceBase, name: str, claims: Path | None) -> ContractCheck:
    """Every check of the contract and how it went."""
    from rbio_kg.verifiers.testing import make_context, run_checks

    verifier = workspace.verifier(name)
    own = None if claims is None else as_claims(read_claims(claims), claims)
    context = make_context(verifier, workspace.tables, own, seed=workspace.settings.seed)
    return ContractCheck(name, len(context.claims), tuple(run_checks(context)))
