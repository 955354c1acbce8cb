"""Every verifier's verdict on one claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from rbio_kg.core.cell_lines import unknown_lines
from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.errors import AnswerError, ClaimError, ModelError, RbioKGError, SelectionError, VerifierError, fault
from rbio_kg.registry import BUILT_IN

if TYPE_CHECKING:
    from rbio_kg.graph.identity.identity import Identity
    from rbio_kg.services.base import WorkspaceBase

COLUMNS = ("subject", "relation", "object", "cell_line")


@dataclass(frozen=True)
class Explanation:
    """The verdicts on a claim, and their probabilities pooled as the default reward pools them.

    Args:
        claim: what was scored.
        verdicts: one for each verifier of the workspace, in its order.
        composed: pooled probability that the claim holds, 0 to 1; None where every weighted verifier abstains.
        weights: of the pooling, by verifier.
        stale: what rests on another build than the one in use, with the reason (see `Workspace.stale`).
        resolved: each name that was given otherwise than in the graph, and the symbol or id that it means.
        remarks: what people should know about the claim, a line each.
    """

    claim: Claim
    verdicts: tuple[Verdict, ...]
    composed: float | None
    weights: Mapping[str, float]
    stale: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def verdict(self, verifier: str) -> Verdict:
        """The verdict of one verifier.

        Raises:
            VerifierError: it gave none.
        """
        for verdict in self.verdicts:
            if verdict.verifier == verifier:
                return verdict
        known = ", ".join(item.verifier for item in self.verdicts)
        raise VerifierError(f"there is no verdict of {verifier!r}", hint=f"known: {known}")

    @property
    def simulated(self) -> bool:
        """Whether any score rests on simulated labels."""
        return any(verdict.simulated for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """The document of the command `explain`."""
        return {
            "claim": {name: getattr(self.claim, name) for name in COLUMNS} | {"id": self.claim.id},
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "composed": self.composed,
            "simulated": self.simulated,
            "weights": dict(self.weights),
            "resolved": dict(self.resolved),
            "remarks": list(self.remarks),
        } | ({"stale": dict(self.stale)} if self.stale else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Explanation:
        """The explanation that `to_json` wrote."""
        claim = Claim(*(document["claim"][name] for name in COLUMNS))
        verdicts = tuple(Verdict.from_json(item) for item in document["verdicts"])
        names = document["resolved"], tuple(document["remarks"])
        return cls(claim, verdicts, document["composed"], dict(document["weights"]), document.get("stale", {}), *names)

    def __str__(self) -> str:
        rows = [f"{item.verifier}: {_number(item.score)} ({item.status}) {item.reason}" for item in self.verdicts]
        stale = [f"stale: {reason}" for reason in self.stale.values()]
        return "\n".join([str(self.claim), *rows, f"composed: {_number(self.composed)}", *stale])

    def __repr__(self) -> str:
        mark = ", simulated labels" if self.simulated else ""
        return f"<Explanation {self.claim}: {_number(self.composed)} by {len(self.verdicts)} verifiers{mark}>"

    def _repr_html_(self) -> str:
        """A table of verdicts with the evidence that each cites, for notebooks."""
        rows = []
        for item in self.verdicts:
            cited = "<br>".join(
                escape(f"({step.start.key})-[{step.type}]->({step.end.key}) {step.weight:.2f}")
                for step in item.evidence
            )
            cells = (item.verifier, str(item.status), _number(item.score), item.reason)
            rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{cited}</td>")
        names = ("verifier", "status", "score", "reason", "evidence")
        return (
            f"<p><b>{escape(str(self.claim))}</b>: {_number(self.composed)}"
            f"{' <b>simulated labels</b>' if self.simulated else ''}</p><table><tr>"
            + "".join(f"<th>{name}</th>" for name in names)
            + "</tr>"
            + "".join(f"<tr>{row}</tr>" for row in rows)
            + "</table>"
            + "".join(f"<p>stale: {escape(reason)}</p>" for reason in self.stale.values())
        )


def _number(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"


def explain_claim(workspace: WorkspaceBase, claim: Claim, *, accept: bool = False) -> Explanation:
    """Every verifier's verdict on one claim, and their pooled probability.

    Names of genes, terms and pathways mean what they mean in the graph (`rbio_kg.graph.identity`).
    With `accept` the suggested gene is taken where there is exactly one.
    A verifier that has not been fitted abstains. A fault in a user's own verifier is a verdict of status `error`.

    Raises:
        BuildError: there is no graph.
        SelectionError: a name means no gene, term or pathway, or several; the likely ones are named.
        StaleError: a verifier was fitted on another build.
    """
    import numpy as np

    from rbio_kg.graph.identity.claims import resolve_claims
    from rbio_kg.verifiers.pooling import DEFAULT_POOLING, DEFAULT_WEIGHTS, pool

    identity = workspace.graph.identity
    found = resolve_claims([claim], identity, "claim", accept=accept)
    for lost in found.names.names:
        if lost.column == "object" and claim.relation is Relation.TAKES_PART_IN:
            raise SelectionError(f"no GO term or pathway is called {claim.object!r}", hint="give its id, or its name")
        raise SelectionError(identity.why(identity.gene(lost.label)))
    (claim,) = found.claims
    verdicts = tuple(_verdict(workspace, name, claim) for name in workspace.verifier_names())
    named = {verdict.verifier: verdict for verdict in verdicts}
    members = [name for name in DEFAULT_WEIGHTS if name in named]
    scores = np.array([[np.nan if named[name].score is None else named[name].score] for name in members], dtype=float)
    pooled, _ = pool(scores, [DEFAULT_WEIGHTS[name] for name in members], DEFAULT_POOLING)
    composed = None if np.isnan(pooled[0]) else float(pooled[0])
    remarks = (
        *(f"{given} {_means(identity, given, claim)} {own}" for given, own in found.resolved.items()),
        *unknown_lines([claim.cell_line], identity.cell_lines),
    )
    return Explanation(claim, verdicts, composed, DEFAULT_WEIGHTS, dict(workspace.stale), found.resolved, remarks)


def _means(identity: Identity, given: str, claim: Claim) -> str:
    """Whether a name is one of a gene (or term, or pathway), or was taken for it as suggested."""
    member = claim.relation is Relation.TAKES_PART_IN and identity.object(given) is not None
    return "is" if member or identity.gene(given).symbol is not None else "is taken as suggested:"


def _verdict(workspace: WorkspaceBase, name: str, claim: Claim) -> Verdict:
    from rbio_kg.verifiers.base.answers import checked_verdict

    try:
        verifier = workspace.verifier(name)
        return checked_verdict(name, verifier.explain(claim), claim, verifier.card)
    except (AnswerError, ModelError) as error:
        return Verdict(None, Status.ERROR, reason=str(error), verifier=name)
    except VerifierError as error:
        return Verdict(None, Status.ABSTAIN, reason=str(error), verifier=name)
    except Exception as error:
        # A fault in a user's own verifier must not hide what the others say.
        if name in BUILT_IN or (isinstance(error, RbioKGError) and not isinstance(error, ClaimError)):
            raise
        return Verdict(None, Status.ERROR, reason=fault(error), verifier=name)
