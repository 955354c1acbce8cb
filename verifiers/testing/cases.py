"""What the contract is checked on: claims drawn from the graph, and texts for a text verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.answers import checked_scores
from rbio_kg.verifiers.base.verifier import Verifier

UNKNOWN_GENES = ("NOSUCHGENE", "NOSUCHGENE2")
"""Gene names that no graph has."""
DRAWN = 200
"""Claims drawn for each relation; the checks use some of them."""
CHECKED = 24
"""Claims that the checks use."""


class ContractError(AssertionError):
    """A verifier breaks the contract; the message says how, and what to do about it."""


@dataclass(frozen=True)
class CheckContext:
    """A verifier, and the claims and texts that the checks use.

    Args:
        verifier: ready to score.
        claims: at least six about known genes; it scores some of them, with at least two different scores.
        texts: one per claim for a text verifier, None for a claim verifier.
    """

    verifier: Verifier
    claims: Sequence[Claim]
    texts: Sequence[str] | None = None

    def score(self, order: Sequence[int] | None = None) -> FloatArray:
        """Scores of the claims, or of those in the order given."""
        rows = range(len(self.claims)) if order is None else order
        texts = None if self.texts is None else [self.texts[i] for i in rows]
        return self.ask([self.claims[i] for i in rows], texts)

    def score_other(self, claims: Sequence[Claim]) -> FloatArray:
        """Scores of other claims, each with a text about its genes for a text verifier."""
        words = [f"{claim.subject} interacts with {claim.object}." for claim in claims]
        return self.ask(claims, words if self.verifier.kind == "text" else None)

    def ask(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """What the verifier answers, if it is an array of probabilities.

        Raises:
            AnswerError: it is something else.
        """
        return checked_scores(self.verifier.name, self.verifier.score(claims, texts), claims)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check; `message` says what is wrong and what to do, empty where it passed."""

    name: str
    passed: bool
    message: str = ""


def make_context(
    verifier: Verifier,
    tables: Mapping[str, pl.DataFrame],
    claims: Sequence[Claim] | None = None,
    *,
    seed: int = 0,
) -> CheckContext:
    """A context of some of the given claims, or of claims about the graph's own relationships.

    Of many claims it takes those on which the scores differ most, and a few on which the verifier abstains.

    Args:
        verifier: to check.
        tables: of the graph; claims of the relations on the verifier's card are drawn from them.
        claims: given where the graph has no claims that the verifier can score.
        seed: of the draw.

    Raises:
        VerifierError: fewer than six claims.
    """
    if claims is None:
        claims = drawn_claims(tables, frozenset(verifier.card.relations), seed)
    if len(claims) < 6:
        raise VerifierError(
            f"{len(claims)} claims are too few to check a verifier",
            hint="give at least six with --claims FILE (CSV: subject,relation,object,cell_line)",
        )
    texts = written_texts(tables, claims) if verifier.kind == "text" else None
    everything = CheckContext(verifier, claims, texts)
    try:
        chosen = _spread(everything.score())
    except Exception:  # what it raises is for the checks to report
        chosen = list(range(min(CHECKED, len(claims))))
    return CheckContext(verifier, [claims[i] for i in chosen], None if texts is None else [texts[i] for i in chosen])


def _spread(scores: FloatArray) -> list[int]:
    """Rows over the range of scores, distinct scores first, then rows on which it abstains."""
    scored = np.flatnonzero(~np.isnan(scores))
    _, distinct = np.unique(scores[scored], return_index=True)
    ranked = scored[distinct] if len(distinct) >= CHECKED // 2 else scored[np.argsort(scores[scored], kind="stable")]
    positions = np.unique(
        np.linspace(0, max(len(ranked) - 1, 0), min(len(ranked), 3 * CHECKED // 4)).round().astype(int)
    )
    abstained = np.flatnonzero(np.isnan(scores))
    chosen: list[int] = ranked[positions].tolist() if len(ranked) else []
    rest: list[int] = abstained[: CHECKED - len(chosen)].tolist()
    return chosen + rest


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
    """One text per claim, in turn: the claim affirmed, denied, terms of its subject, no text."""
    named = tables["annotations"].join(tables["terms"].select(end="id", term="name"), on="end")
    terms = dict(named.group_by("start").agg(pl.col("term").sort().head(2)).iter_rows())
    texts = []
    for i, claim in enumerate(claims):
        variants = (
            f"{claim.subject} interacts with {claim.object}.",
            f"{claim.subject} does not interact with {claim.object}.",
            " ".join(f"{claim.subject} takes part in {term}." for term in terms.get(claim.subject, [])),
            "",
        )
        texts.append(variants[i % len(variants)])
    return texts
