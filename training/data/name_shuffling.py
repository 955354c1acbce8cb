"""Other genes' names in the prompts: what a policy knows from the names alone is then gone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rbio_kg.core.claims import Claim, Relation

if TYPE_CHECKING:
    from rbio_kg.training.prompts.facts import FactLookup

_SYMBOL = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?")


class ShuffledNames:
    """Replaces every gene named in a question, its facts and its rationale by another gene, anew for each question.

    For ablations: claims keep their true genes, so claim verifiers score as before, but text verifiers would score a
    reasoning with the wrong names.

    Args:
        symbols: the names to draw from.
        seed: of the draws.
    """

    def __init__(self, symbols: Sequence[str], seed: int) -> None:
        self.symbols = sorted(set(symbols))
        self.seed = seed

    def in_text(self, text: str, claim: Claim, book: FactLookup | None) -> str:
        """The text with the question's genes renamed; terms and all other words stay."""
        named = [claim.subject] if claim.relation == Relation.TAKES_PART_IN else [claim.subject, claim.object]
        named += book.facts(claim).names() if book is not None else []
        own = list(dict.fromkeys(named))
        digest = hashlib.sha256(f"{self.seed}\t{claim.id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        drawn = rng.choice(len(self.symbols), size=min(2 * len(own) + 1, len(self.symbols)), replace=False)
        others = [self.symbols[i] for i in drawn if self.symbols[i] not in own]
        new = dict(zip(own, others, strict=False))
        return _SYMBOL.sub(lambda match: new.get(match.group(), match.group()), text)

    def in_messages(
        self, messages: list[dict[str, str]], claim: Claim, book: FactLookup | None
    ) -> list[dict[str, str]]:
        """The same of a prompt; its system message stays."""
        return [
            {**message, "content": self.in_text(message["content"], claim, book)}
            if message["role"] == "user"
            else message
            for message in messages
        ]
