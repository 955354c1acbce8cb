"""The contract of a verifier as checks, for `rbio-kg verifiers check` and for the tests of a package.

A check is a function of a `CheckContext`. It raises `ContractError`, which says what is wrong and what to do. Scores
are compared exactly, except where a batch may be summed in another order (`CLOSE`).
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.errors import AnswerError, fault
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier
from rbio_kg.verifiers.testing.cases import UNKNOWN_GENES, CheckContext, ContractError, Outcome

CLOSE = 1e-9
MAX_PICKLE_BYTES = 1_000_000
"""A verifier pickles the path of its data, not the data."""

Check = Callable[[CheckContext], None]


def run_checks(context: CheckContext) -> list[Outcome]:
    """The outcome of every check of `CHECKS`; a verifier that raises fails the check that it raised in."""
    found = []
    for name, check in CHECKS.items():
        try:
            check(context)
        except ContractError as error:
            found.append(Outcome(name, False, str(error)))
        except AnswerError as error:
            found.append(Outcome(name, False, error.what))
        except Exception as error:  # the verifier is foreign code: whatever it raises is the finding
            found.append(Outcome(name, False, f"it raised {fault(error)}"))
        else:
            found.append(Outcome(name, True))
    return found


def name_and_kind(context: CheckContext) -> None:
    """A name that can be a column name, and a kind."""
    name, kind = getattr(context.verifier, "name", None), context.verifier.kind
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ContractError(f"the name {name!r} is not lower-case letters, digits and _: set `name` in the class")
    if kind not in ("claim", "text"):
        raise ContractError(f"the kind {kind!r} is neither 'claim' nor 'text': set `kind` in the class")


def card_complete(context: CheckContext) -> None:
    """A complete card."""
    card = context.verifier.card
    if not isinstance(card, Card):
        raise ContractError(f"`card` is {type(card).__name__}, not a Card: return rbio_kg.verifiers.Card(...)")
    for field in ("knows", "abstains", "licence", "reference", "range"):
        if not str(getattr(card, field)).strip():
            raise ContractError(f"the card says nothing in {field!r}: fill it in")
    if not card.relations or not set(card.relations) <= set(Relation):
        raise ContractError("the card's relations must be a set of rbio_kg.core.claims.Relation, and not empty")
    if not card.sources or not all(str(source).strip() for source in card.sources):
        raise ContractError("the card names no sources: say where the knowledge comes from")
    if not isinstance(card.simulated, bool):
        raise ContractError("the card's `simulated` must be True or False")
    plain(card.to_json(), "the card")


def scores_are_probabilities(context: CheckContext) -> None:
    """Shape (n,), float64, 0 to 1, NaN where it abstains."""
    context.score()


def separates_claims(context: CheckContext) -> None:
    """At least two different scores."""
    scores = context.score()
    scored = np.unique(scores[~np.isnan(scores)])
    if len(scored) == 0:
        raise ContractError(
            f"it abstains on all {len(context.claims)} claims: give claims that it can score (--claims FILE)"
        )
    if len(scored) == 1:
        raise ContractError(f"every score is {scored[0]:g}: a constant verifier carries no information")


def empty_input(context: CheckContext) -> None:
    """No scores for no claims."""
    none: tuple[list[str] | None, ...] = (None, [])
    for texts in none:
        context.ask([], texts)


def deterministic(context: CheckContext) -> None:
    """The same claims get the same scores."""
    _same(context.score(), context.score(), 0.0, "a second call gave other scores: seed or remove what is random")


def keeps_the_order(context: CheckContext) -> None:
    """Scores do not depend on the order of the claims."""
    order = np.random.default_rng(0).permutation(len(context.claims)).tolist()
    _same(context.score(order), context.score()[order], CLOSE, "scores changed with the order of the claims")


def one_at_a_time(context: CheckContext) -> None:
    """A claim alone gets the score that it gets in a batch."""
    single = np.array([context.score([i])[0] for i in range(len(context.claims))])
    _same(single, context.score(), CLOSE, "a claim scored alone differs from the same claim in a batch")


def duplicates(context: CheckContext) -> None:
    """The same claim, three times in a batch, gets one score."""
    scores = context.score([i for i in range(len(context.claims)) for _ in range(3)]).reshape(-1, 3)
    _same(scores, scores[:, :1].repeat(3, axis=1), 0.0, "the same claim got different scores in one batch")


def picklable(context: CheckContext) -> None:
    """It has a small pickle, before and after use: trainers send it to worker processes."""
    for when in ("new", "used"):
        packed = pickle.dumps(context.verifier)
        if len(packed) >= MAX_PICKLE_BYTES:
            raise ContractError(f"its pickle has {len(packed):,} bytes: pickle the path of the data, not the data")
        copy: Verifier = pickle.loads(packed)
        fresh = CheckContext(copy, context.claims, context.texts)
        # Not to the last bit: one that has kept intermediate sums from smaller batches may add them in another order.
        _same(fresh.score(), context.score(), CLOSE, f"a pickled copy ({when}) scores differently")
        if copy.card != context.verifier.card:
            raise ContractError("a pickled copy has another card")


def unknown_genes(context: CheckContext) -> None:
    """It abstains on a gene that it does not know."""
    known = context.claims[0]
    foreign = [
        Claim(UNKNOWN_GENES[0], known.relation, known.object, known.cell_line),
        Claim(known.subject, known.relation, UNKNOWN_GENES[0], known.cell_line),
        Claim(UNKNOWN_GENES[0], known.relation, UNKNOWN_GENES[1], known.cell_line),
    ]
    _abstains(context.score_other(foreign), foreign, "does not know the gene")


def unknown_genes_change_nothing(context: CheckContext) -> None:
    """A claim about an unknown gene leaves the other scores as they are."""
    first = context.claims[0]
    claims = [first, Claim(UNKNOWN_GENES[0], first.relation, first.object), *context.claims[1:]]
    texts = None if context.texts is None else [context.texts[0], "", *context.texts[1:]]
    scores = np.delete(context.ask(claims, texts), 1)
    _same(scores, context.score(), CLOSE, "a claim about an unknown gene changed the others' scores")


def self_claims(context: CheckContext) -> None:
    """It abstains on a gene's relation to itself."""
    own = [Claim(claim.subject, claim.relation, claim.subject, claim.cell_line) for claim in context.claims]
    _abstains(context.score_other(own), own, "gets a claim about a gene and itself")


def relations_of_the_card(context: CheckContext) -> None:
    """It abstains on relations that its card does not name."""
    first = context.claims[0]
    others = [relation for relation in Relation if relation not in context.verifier.card.relations]
    foreign = [Claim(first.subject, relation, first.object, first.cell_line) for relation in others]
    _abstains(context.score_other(foreign), foreign, "does not have the relation on its card")


def one_text_per_claim(context: CheckContext) -> None:
    """It refuses another number of texts than of claims."""
    try:
        context.verifier.score(list(context.claims), ["one text"] * (len(context.claims) + 1))
    except ValueError as error:
        if "text" in str(error):
            return
    raise ContractError("a text too many was not refused: call rbio_kg.verifiers.base.verifier.check_lengths first")


def texts_as_its_kind(context: CheckContext) -> None:
    """A text verifier abstains without texts; a claim verifier ignores them."""
    claims = list(context.claims)
    if context.verifier.kind == "text":
        _abstains(context.ask(claims), claims, "has no text")
        if context.verifier.explain(claims[0]).status is not Status.ABSTAIN:
            raise ContractError("explain answers without a text: abstain there as well")
        return
    words = [f"text {i}" for i in range(len(claims))]
    _same(
        context.ask(claims, words),
        context.ask(claims),
        0.0,
        "texts changed the scores of a claim verifier",
    )


def explanations_agree(context: CheckContext) -> None:
    """`explain` gives the score that `score` gives, a reason in one line, and evidence that can be stored."""
    first = context.claims[0]
    claims = [
        *context.claims,
        Claim(UNKNOWN_GENES[0], first.relation, UNKNOWN_GENES[1], first.cell_line),
        Claim(first.subject, first.relation, first.subject, first.cell_line),
    ]
    texts = None if context.texts is None else [*context.texts, context.texts[0], context.texts[0]]
    for i, (claim, score) in enumerate(zip(claims, context.ask(claims, texts), strict=True)):
        verdict = context.verifier.explain(claim, None if texts is None else texts[i])
        if not isinstance(verdict, Verdict) or verdict.verifier != context.verifier.name:
            raise ContractError(f"explain({claim}) is no Verdict with verifier={context.verifier.name!r}")
        if not verdict.reason.strip() or "\n" in verdict.reason:
            raise ContractError(f"explain({claim}) needs a reason of one line, above all when it abstains")
        if np.isnan(score):
            if verdict.status is not Status.ABSTAIN:
                raise ContractError(f"score abstains on {claim}, explain says {verdict.status}")
        elif verdict.status is not Status.OK or verdict.score is None or abs(verdict.score - score) > CLOSE:
            raise ContractError(f"score gives {claim} {score:g}, explain gives {verdict.score} ({verdict.status})")
        citable(verdict)


def citable(verdict: Verdict) -> None:
    """Raise ContractError unless the evidence can be stored: weights 0 to 1, steps by path, plain JSON."""
    paths = [element.path for element in verdict.evidence]
    if paths != sorted(paths):
        raise ContractError("the steps of one cited path must stay together, in ascending order of path")
    if not all(0.0 <= element.weight <= 1.0 for element in verdict.evidence):
        raise ContractError("a cited element's weight must lie between 0 and 1")
    if pickle.loads(pickle.dumps(verdict)).to_json() != verdict.to_json():
        raise ContractError("a verdict must survive pickling: keep plain values in its evidence")
    plain(verdict.to_json(), "a verdict")


def plain(value: Any, where: str) -> None:
    """Raise ContractError unless it is plain JSON: text keys, no NaN, no objects."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ContractError(f"{where} has the key {key!r}, which is not text")
            plain(item, where)
    elif isinstance(value, (list, tuple)):
        for item in value:
            plain(item, where)
    elif isinstance(value, float) and not np.isfinite(value):
        raise ContractError(f"{where} holds {value}: NaN and infinity never go into JSON")
    elif value is not None and not isinstance(value, (str, bool, int, float)):
        raise ContractError(f"{where} holds {value!r} ({type(value).__name__}), which is not plain JSON")


def _same(found: FloatArray, expected: FloatArray, within: float, what: str) -> None:
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=within, equal_nan=True):
        raise ContractError(what)


def _abstains(scores: FloatArray, claims: Sequence[Claim], when: str) -> None:
    scored = np.flatnonzero(~np.isnan(scores))
    if scores.shape != (len(claims),) or len(scored):
        where = f": {claims[scored[0]]} scores {scores[scored[0]]:g}" if len(scored) else ""
        raise ContractError(f"it must give NaN where it {when}{where}")


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        name_and_kind,
        card_complete,
        scores_are_probabilities,
        separates_claims,
        empty_input,
        deterministic,
        keeps_the_order,
        one_at_a_time,
        duplicates,
        picklable,
        unknown_genes,
        unknown_genes_change_nothing,
        self_claims,
        relations_of_the_card,
        one_text_per_claim,
        texts_as_its_kind,
        explanations_agree,
    )
}
"""All checks by name, in the order of `run_checks`."""
