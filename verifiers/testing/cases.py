"""What a verifier is examined on: claims drawn from the graph, with texts where it judges texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Verifier

UNKNOWN_GENES = ("NOSUCHGENE", "NOSUCHGENE2")
"""Genes that no graph has."""
DRAWN = 200
"""Claims drawn for each relation, before those to examine on are chosen."""
CHECKED = 24
"""Claims that a verifier is examined on."""


class ContractError(AssertionError):
    """A verifier breaks the contract; the message says how, and what to do."""


@dataclass(frozen=True)
class CheckContext:
    """A verifier and what it is examined on.

    Args:
        verifier: ready to score.
        claims: at least six about known genes; it speaks on some of them, with at least two different scores.
        texts: one per claim for a text verifier, None for a claim verifier.
    """

    verifier: Verifier
    claims: Sequence[Claim]
    texts: Sequence[str] | None = None

    def score(self, order: Sequence[int] | None = None) -> FloatArray:
        """Scores of the claims, or of those in the order given."""
        if order is None:
            return self.verifier.score(list(self.claims), None if self.texts is None else list(self.texts))
        texts = None if self.texts is None else [self.texts[i] for i in order]
        return self.verifier.score([self.claims[i] for i in order], texts)

    def asked(self, claims: Sequence[Claim]) -> FloatArray:
        """Scores of other claims, each with a text about its genes where texts are judged."""
        words = [f"{claim.subject} interacts with {claim.object}." for claim in claims]
        return self.verifier.score(claims, words if self.verifier.kind == "text" else None)


@dataclass(frozen=True)
class Outcome:
    """How one check went; `message` says what is wrong and what to do, empty where it passed."""

    name: str
    passed: bool
    message: str = ""


def examination(
    verifier: Verifier,
    tables: Mapping[str, pl.DataFrame],
    claims: Sequence[Claim] | None = None,
    *,
    seed: int = 0,
) -> CheckContext:
    """An examination on some of the claims given, or of claims about the graph's own relationships.

    Of many claims those are taken on which the verifier's answers differ most, with a few on which it is silent.

    Args:
        verifier: to be examined.
        tables: of the graph; what is claimed of the relations on the verifier's card is drawn from them.
        claims: the user's own, where the graph has none that the verifier judges.
        seed: of the draw.

    Raises:
        VerifierError: fewer than six claims.
    """
    if claims is None:
        claims = drawn_claims(tables, frozenset(verifier.card.relations), seed)
    if len(claims) < 6:
        raise VerifierError(
            f"{len(claims)} claims are too few to examine a verifier on",
            hint="give at least six with --claims FILE (CSV: subject,relation,object,cell_line)",
        )
    texts = written_texts(tables, claims) if verifier.kind == "text" else None
    whole = CheckContext(verifier, claims, texts)
    try:
        chosen = _spread(whole.score())
    except Exception:  # what it raises is for the checks to report
        chosen = list(range(min(CHECKED, len(claims))))
    return CheckContext(verifier, [claims[i] for i in chosen], None if texts is None else [texts[i] for i in chosen])


def _spread(scores: FloatArray) -> list[int]:
    """Rows over the whole range of scores, the distinct ones first, then rows of silence."""
    spoke = np.flatnonzero(~np.isnan(scores))
    _, distinct = np.unique(scores[spoke], return_index=True)
    ranked = spoke[distinct] if len(distinct) >= CHECKED // 2 else spoke[np.argsort(scores[spoke], kind="stable")]
    places = np.unique(np.linspace(0, max(len(ranked) - 1, 0), min(len(ranked), 3 * CHECKED // 4)).round().astype(int))
    silent = np.flatnonzero(np.isnan(scores))
    chosen: list[int] = ranked[places].tolist() if len(ranked) else []
    quiet: list[int] = silent[: CHECKED - len(chosen)].tolist()
    return chosen + quiet


def drawn_claims(
    tables: Mapping[str, pl.DataFrame], relations: frozenset[Relation], seed: int, count: int = DRAWN
) -> list[Claim]:
    """Up to `count` claims of each relation about pairs that the graph joins, and half as many about other pairs."""
    rng = np.random.default_rng(seed)
    symbols = tables["genes"]["symbol"].to_list()
    claims: list[Claim] = []
    for relation in sorted(relations):
        rows = _joined(tables, relation)
        chosen = rows[np.sort(rng.permutation(len(rows))[:count]).tolist()]
        claims += [Claim(a, relation, b, line) for a, b, line in chosen.iter_rows() if a != b]
        objects = chosen["end"].to_list() or symbols
        for a, b in zip(
            rng.choice(symbols, count // 2).tolist(), rng.choice(objects, count // 2).tolist(), strict=True
        ):
            if a != b:
                claims.append(Claim(a, relation, b))
    return claims


def _joined(tables: Mapping[str, pl.DataFrame], relation: Relation) -> pl.DataFrame:
    """Pairs of the graph for a relation: start, end, cell_line."""
    ends = [pl.col("start"), pl.col("end"), pl.lit(None, pl.String).alias("cell_line")]
    if relation in KNOCKDOWN_RELATIONS:
        task = "de" if relation is Relation.CHANGES_EXPRESSION_OF else "dir"
        train = tables["questions"].filter((pl.col("split") == "train") & (pl.col("task") == task))
        return train.select(pl.col("pert").alias("start"), pl.col("gene").alias("end"), "cell_line")
    if relation is Relation.TAKES_PART_IN:
        return pl.concat([tables[name].select(ends) for name in ("annotations", "memberships")])
    return tables["interactions" if relation is Relation.INTERACTS_WITH else "regulations"].select(ends)


def written_texts(tables: Mapping[str, pl.DataFrame], claims: Sequence[Claim]) -> list[str]:
    """A text for each claim, in turn: it affirmed, it denied, terms of its subject, nothing."""
    named = tables["annotations"].join(tables["terms"].select(end="id", term="name"), on="end")
    terms = dict(named.group_by("start").agg(pl.col("term").sort().head(2)).iter_rows())
    texts = []
    for i, claim in enumerate(claims):
        ways = (
            f"{claim.subject} interacts with {claim.object}.",
            f"{claim.subject} does not interact with {claim.object}.",
            " ".join(f"{claim.subject} takes part in {term}." for term in terms.get(claim.subject, [])),
            "",
        )
        texts.append(ways[i % len(ways)])
    return texts
