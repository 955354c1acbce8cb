"""Rationales that are true in the graph, and copies made wrong: what text verifiers are carded on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rbio_kg.claims import Claim
from rbio_kg.graph.snapshot import Snapshot
from training.honesty import honest_setting

KINDS = ("honest", "negated", "exchanged")


def rationale_texts(claims: Sequence[Claim], snapshot: Snapshot) -> dict[str, list[str]]:
    """For each claim a rationale written from evidence, and two copies of the same length that are wrong.

    `honest`: terms and strongest partners of both genes. `negated`: every statement denied. `exchanged`: the same
    sentences about the genes, with the terms and partners of another claim's genes.

    Args:
        claims: at least two; the facts of each are exchanged with those of the next.
        snapshot: the graph.
    """
    facts = [[str(fact) for fact in honest_setting(claim, 0.5, snapshot).facts] for claim in claims]
    texts: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for place, claim in enumerate(claims):
        other, lent = claims[(place + 1) % len(claims)], facts[(place + 1) % len(claims)]
        texts["honest"].append(" ".join(facts[place]))
        texts["negated"].append(" ".join(_denied(fact) for fact in facts[place]))
        texts["exchanged"].append(" ".join(_renamed(fact, other, claim) for fact in lent))
    return texts


def _denied(fact: str) -> str:
    return re.sub(r" (take|interact)s ", r" does not \1 ", fact, count=1)


def _renamed(fact: str, before: Claim, after: Claim) -> str:
    """The fact with its first word, a gene of one claim, replaced by the gene that has its place in the other."""
    first, _, rest = fact.partition(" ")
    return f"{after.subject if first == before.subject else after.object} {rest}"
