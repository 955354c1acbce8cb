"""What every verifier must do, as checks: for `rbio-kg verifiers check` and for the battery of the tests.

A check is a function of an `CheckContext`; it raises `ContractError`: what is wrong, what to do. Scores are compared
exactly, save where a batch may be summed in another order (`CLOSE`).
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim, Relation, Status, Verdict
from rbio_kg.core.errors import fault
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.base.verifier import Card, Verifier
from rbio_kg.verifiers.testing.cases import UNKNOWN_GENES, CheckContext, ContractError, Outcome

CLOSE = 1e-9
LARGEST_PICKLE = 1_000_000
"""Bytes: a verifier pickles the address of its data, not the data."""


Check = Callable[[CheckContext], None]


def evaluate(examination: CheckContext) -> list[Outcome]:
    """Every check's outcome; a verifier that raises fails the check it raised in."""
    found = []
    for name, check in CHECKS.items():
        try:
            check(examination)
        except ContractError as breach:
            found.append(Outcome(name, False, str(breach)))
        except Exception as error:  # the verifier is somebody else's code: whatever it raises is the finding
            found.append(Outcome(name, False, f"it raised {fault(error)}"))
        else:
            found.append(Outcome(name, True))
    return found


def name_and_kind(e: CheckContext) -> None:
    """A name that can be a column and a kind."""
    name, kind = getattr(e.verifier, "name", None), e.verifier.kind
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ContractError(f"the name {name!r} is not lower-case letters, digits and _: set `name` in the class")
    if kind not in ("claim", "text"):
        raise ContractError(f"the kind {kind!r} is neither 'claim' nor 'text': set `kind` in the class")


def card_complete(e: CheckContext) -> None:
    """A card that says what people must know before they trust it."""
    card = e.verifier.card
    if not isinstance(card, Card):
        raise ContractError(f"`card` is {type(card).__name__}, not a Card: return verifiers.Card(...)")
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


def scores_are_probabilities(e: CheckContext) -> None:
    """Shape (n,), float64, 0 to 1, NaN where it abstains."""
    scores = e.score()
    if not isinstance(scores, np.ndarray) or scores.shape != (len(e.claims),) or scores.dtype != np.float64:
        what = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        raise ContractError(f"score gave {what} for {len(e.claims)} claims: return a float64 array of shape (n,)")
    spoken = scores[~np.isnan(scores)]
    if not ((spoken >= 0) & (spoken <= 1)).all():
        raise ContractError(f"scores from {spoken.min():g} to {spoken.max():g}: return probabilities, 0 to 1")


def separates_claims(e: CheckContext) -> None:
    """At least two different scores."""
    scores = e.score()
    spoken = np.unique(scores[~np.isnan(scores)])
    if len(spoken) == 0:
        raise ContractError(f"it abstains on all {len(e.claims)} claims: give claims that it judges (--claims FILE)")
    if len(spoken) == 1:
        raise ContractError(f"every score is {spoken[0]:g}: a constant verifier teaches nothing")


def empty_input(e: CheckContext) -> None:
    """No claims, no scores."""
    none: tuple[list[str] | None, ...] = (None, [])
    for texts in none:
        scores = e.verifier.score([], texts)
        if scores.shape != (0,) or scores.dtype != np.float64:
            raise ContractError(f"score([]) gave {scores.dtype} {scores.shape}: return np.zeros(0) for no claims")


def deterministic(e: CheckContext) -> None:
    """The same claims, the same scores."""
    _same(e.score(), e.score(), 0.0, "asked twice, it gave other scores: seed or drop what is random")


def keeps_the_order(e: CheckContext) -> None:
    """Claims in another order, the same scores in that order."""
    order = np.random.default_rng(0).permutation(len(e.claims)).tolist()
    _same(e.score(order), e.score()[order], CLOSE, "scores changed with the order of the claims")


def one_at_a_time(e: CheckContext) -> None:
    """A claim alone scores what it scores among others."""
    single = np.array([e.score([i])[0] for i in range(len(e.claims))])
    _same(single, e.score(), CLOSE, "a claim scored alone differs from the same claim in a batch")


def duplicates(e: CheckContext) -> None:
    """The same claim three times, the same score three times."""
    scores = e.score([i for i in range(len(e.claims)) for _ in range(3)]).reshape(-1, 3)
    _same(scores, scores[:, :1].repeat(3, axis=1), 0.0, "the same claim got different scores in one batch")


def picklable(e: CheckContext) -> None:
    """It travels to worker processes, small, before and after use."""
    for when in ("new", "used"):
        packed = pickle.dumps(e.verifier)
        if len(packed) >= LARGEST_PICKLE:
            raise ContractError(f"its pickle has {len(packed):,} bytes: pickle the address of the data, not the data")
        twin: Verifier = pickle.loads(packed)
        fresh = CheckContext(twin, e.claims, e.texts)
        # Not to the last bit: one that has kept intermediate sums from smaller batches may add them in another order.
        _same(fresh.score(), e.score(), CLOSE, f"a pickled copy ({when}) scores differently")
        if twin.card != e.verifier.card:
            raise ContractError("a pickled copy has another card")


def unknown_genes(e: CheckContext) -> None:
    """A gene that nobody knows is no answer, and no crash."""
    known = e.claims[0]
    strange = [
        Claim(UNKNOWN_GENES[0], known.relation, known.object, known.cell_line),
        Claim(known.subject, known.relation, UNKNOWN_GENES[0], known.cell_line),
        Claim(UNKNOWN_GENES[0], known.relation, UNKNOWN_GENES[1], known.cell_line),
    ]
    _abstains(e.asked(strange), strange, "does not know the gene")


def unknown_genes_change_nothing(e: CheckContext) -> None:
    """One claim about an unknown gene leaves the other scores as they are."""
    first = e.claims[0]
    claims = [first, Claim(UNKNOWN_GENES[0], first.relation, first.object), *e.claims[1:]]
    texts = None if e.texts is None else [e.texts[0], "", *e.texts[1:]]
    scores = np.delete(e.verifier.score(claims, texts), 1)
    _same(scores, e.score(), CLOSE, "a claim about an unknown gene changed the others' scores")


def self_claims(e: CheckContext) -> None:
    """A gene's relation to itself is no answer."""
    mirror = [Claim(claim.subject, claim.relation, claim.subject, claim.cell_line) for claim in e.claims]
    _abstains(e.asked(mirror), mirror, "is asked about a gene and itself")


def relations_of_the_card(e: CheckContext) -> None:
    """It abstains on relations that its card does not name."""
    first = e.claims[0]
    others = [relation for relation in Relation if relation not in e.verifier.card.relations]
    strange = [Claim(first.subject, relation, first.object, first.cell_line) for relation in others]
    _abstains(e.asked(strange), strange, "does not have the relation on its card")


def one_text_a_claim(e: CheckContext) -> None:
    """Texts of another number than the claims are refused."""
    try:
        e.verifier.score(list(e.claims), ["one text"] * (len(e.claims) + 1))
    except ValueError as error:
        if "text" in str(error):
            return
    raise ContractError("a text too many was not refused: call rbio_kg.verifiers.base.verifier.check_lengths first")


def texts_as_its_kind(e: CheckContext) -> None:
    """A text verifier abstains without texts; a claim verifier ignores them."""
    claims = list(e.claims)
    if e.verifier.kind == "text":
        _abstains(e.verifier.score(claims), claims, "has no text")
        if e.verifier.explain(claims[0]).status is not Status.ABSTAIN:
            raise ContractError("explain answers without a text: abstain there as well")
        return
    words = [f"text {i}" for i in range(len(claims))]
    _same(
        e.verifier.score(claims, words), e.verifier.score(claims), 0.0, "texts changed the scores of a claim verifier"
    )


def explanations_agree(e: CheckContext) -> None:
    """`explain` gives the score that `score` gives, a reason in one line, and evidence that can be stored."""
    first = e.claims[0]
    asked = [
        *e.claims,
        Claim(UNKNOWN_GENES[0], first.relation, UNKNOWN_GENES[1], first.cell_line),
        Claim(first.subject, first.relation, first.subject, first.cell_line),
    ]
    texts = None if e.texts is None else [*e.texts, e.texts[0], e.texts[0]]
    for i, (claim, score) in enumerate(zip(asked, e.verifier.score(asked, texts), strict=True)):
        verdict = e.verifier.explain(claim, None if texts is None else texts[i])
        if not isinstance(verdict, Verdict) or verdict.verifier != e.verifier.name:
            raise ContractError(f"explain({claim}) is no Verdict with verifier={e.verifier.name!r}")
        if not verdict.reason.strip() or "\n" in verdict.reason:
            raise ContractError(f"explain({claim}) needs a reason of one line, above all when it abstains")
        if np.isnan(score):
            if verdict.status is not Status.ABSTAIN:
                raise ContractError(f"score abstains on {claim}, explain says {verdict.status}")
        elif verdict.status is not Status.OK or verdict.score is None or abs(verdict.score - score) > CLOSE:
            raise ContractError(f"score gives {claim} {score:g}, explain gives {verdict.score} ({verdict.status})")
        citable(verdict)


def citable(verdict: Verdict) -> None:
    """Weights lie between 0 and 1, the steps of one path stay together, and it all goes into JSON."""
    paths = [element.path for element in verdict.evidence]
    if paths != sorted(paths):
        raise ContractError("the steps of one cited path must stay together, numbered upwards")
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
                raise ContractError(f"{where} has the key {key!r}, which is no text")
            plain(item, where)
    elif isinstance(value, (list, tuple)):
        for item in value:
            plain(item, where)
    elif isinstance(value, float) and not np.isfinite(value):
        raise ContractError(f"{where} holds {value}: NaN and infinity never go into JSON")
    elif value is not None and not isinstance(value, (str, bool, int, float)):
        raise ContractError(f"{where} holds {value!r} ({type(value).__name__}), which is no plain JSON")


def _same(found: FloatArray, expected: FloatArray, within: float, what: str) -> None:
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=within, equal_nan=True):
        raise ContractError(what)


def _abstains(scores: FloatArray, claims: Sequence[Claim], when: str) -> None:
    spoken = np.flatnonzero(~np.isnan(scores))
    if scores.shape != (len(claims),) or len(spoken):
        where = f": {claims[spoken[0]]} scores {scores[spoken[0]]:g}" if len(spoken) else ""
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
        one_text_a_claim,
        texts_as_its_kind,
        explanations_agree,
    )
}
"""All checks by name, in the order in which they are run."""
