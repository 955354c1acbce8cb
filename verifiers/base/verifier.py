"""The interface of every verifier: a name, a card, scores of many claims, and the explanation of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation, Verdict
from rbio_kg.core.typing import FloatArray


@dataclass(frozen=True)
class Card:
    """What a verifier knows, for people who must decide whether to trust it.

    Args:
        knows: its knowledge, in one line.
        relations: that it scores.
        abstains: when it gives no score.
        sources: of its knowledge.
        licence: of those sources.
        reference: of the method.
        range: of the scores.
        limits: what a reader of the scores must know.
        simulated: whether it rests on simulated labels.
        settings: plain JSON values.
    """

    knows: str
    relations: frozenset[Relation]
    abstains: str
    sources: tuple[str, ...]
    licence: str
    reference: str
    range: str = "probability, 0 to 1"
    limits: str = ""
    simulated: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return {**asdict(self), "relations": sorted(self.relations), "sources": list(self.sources)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The card that `to_json` wrote; further keys are left out."""
        values = {item.name: document[item.name] for item in fields(cls)}
        values["relations"] = frozenset(Relation(name) for name in document["relations"])
        return cls(**{**values, "sources": tuple(document["sources"])})


def rests_on_simulated_labels(card: Card, relation: Relation) -> bool:
    """Whether scores of a relation rest on simulated labels.

    Labels are about knockdowns: of a verifier that scores knockdowns the other relations rest on the graph alone.
    """
    return card.simulated and (relation in KNOCKDOWN_RELATIONS or not card.relations & KNOCKDOWN_RELATIONS)


class Verifier(ABC):
    """A source of probabilities for claims. Implementations are picklable, run on a CPU and open files lazily.

    A `claim` verifier scores the claim itself and ignores `texts`. A `text` verifier scores what a completion says
    about the claim: `texts` has one text per claim, and without texts it abstains.

    Example:
        >>> import numpy as np
        >>> from rbio_kg import Card, Claim, Relation, Status, Verdict, Verifier
        >>> class Coin(Verifier):
        ...     name = "coin"
        ...     card = Card("nothing", frozenset(Relation), "never", ("none",), "none", "none")
        ...
        ...     def score(self, claims, texts=None):
        ...         return np.full(len(claims), 0.5)
        ...
        ...     def explain(self, claim, text=None):
        ...         return Verdict(0.5, Status.OK, (), "a coin", self.name)
        >>> Coin().score([Claim("TP53", "regulates", "MDM2")]).tolist()
        [0.5]
    """

    name: str
    kind: ClassVar[Literal["claim", "text"]] = "claim"
    abstain_reward: ClassVar[float] = 0.0
    """Reward of a text on which a text verifier abstains, 0 to 1."""
    files: Sequence[Path | str] = ()
    """Data files that its scores rest on: a run records their digests, and does not go on with changed ones."""

    @property
    @abstractmethod
    def card(self) -> Card:
        """What it knows, and when it abstains."""

    @abstractmethod
    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Probabilities of shape (n,), 0 to 1, in the order of the claims; NaN where it abstains.

        Raises:
            ValueError: `texts` is given and its length differs from the claims'.
        """

    @abstractmethod
    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The same answer as `score` for one claim, with the evidence and a reason."""


def check_lengths(claims: Sequence[Claim], texts: Sequence[str] | None) -> None:
    """Raise ValueError unless there is one text per claim (or none at all)."""
    if texts is not None and len(texts) != len(claims):
        raise ValueError(f"{len(texts)} texts for {len(claims)} claims: give one text per claim")
