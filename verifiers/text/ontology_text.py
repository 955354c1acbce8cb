"""The verifier of vocabulary: does the reasoning say of each gene what its most specific GO annotations say?

After the keyword, ROUGE and likelihood verifiers of the rbio-1 paper, with changes that keep stuffing from paying: a
term only counts in a sentence that names the gene, only the first few such sentences are read, and lists count for
nothing. The paper's likelihood of the annotations does not depend on what the model wrote; here it is what that adds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from rbio_kg.core.claims import Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.schema.schema import NAMESPACES
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.perplexity import PerplexityGain
from rbio_kg.verifiers.text.rouge import f_measures
from rbio_kg.verifiers.text.term_names import normalised
from rbio_kg.verifiers.text.vocabulary import NEGATIONS

Variant = Literal["rouge", "rouge1", "rouge2", "rougeL", "keyword", "likelihood"]
VARIANTS: tuple[Variant, ...] = ("rouge", "rouge1", "rouge2", "rougeL", "keyword", "likelihood")
_ROUGES: dict[Variant, slice] = {
    "rouge": slice(0, 3),
    "rouge1": slice(0, 1),
    "rouge2": slice(1, 2),
    "rougeL": slice(2, 3),
}

READ_CHARACTERS = 4_000
"""No more of a text is read."""
TERMS = 10
"""A gene's reference: its direct annotations of highest information content, at most so many."""
SENTENCES = 4
"""Of a gene, only the first so many different sentences that name it are read: guesses cannot be piled up."""
ENOUGH = 2
"""Agreement of the best so many sentences makes a full score."""
FULL_AGREEMENT = 0.5
"""A ROUGE F-measure from which a sentence agrees fully. One that says a term in plain words reaches it, so that leaving
the words out earns nothing."""
LEAST_AGREEMENT = 0.3
"""Less than this is the overlap of common words and counts as none."""
LIST_LENGTH = 3
"""A sentence that names more different terms than this is a list, not a statement, and counts for nothing."""
_SENTENCE = re.compile(r"[^.!?;\n]+")
_JOINING = {
    *("a", "an", "the", "of", "in", "is", "are", "was", "both", "takes", "take", "taking", "part", "involved"),
    *("participates", "participate", "member", "has", "role"),
}
"""Words that only join a gene and a term, left out of sentences and of names alike: else a name of one word would agree
better with a keyword than with a plain sentence."""


@dataclass(frozen=True, slots=True)
class _Match:
    """How well a sentence agrees with the best-fitting term, 0 to 1."""

    agreement: float
    term: int


class OntologyTextVerifier(Verifier):
    """Scores a reasoning by its agreement with the GO annotations of the claim's genes.

    Per gene: the mean over `ENOUGH` sentences of min(1, F / `FULL_AGREEMENT`), where F is the mean of the F-measures of
    ROUGE-1, ROUGE-2 and ROUGE-L (stemmed) between the sentence, without gene names, and the best-fitting term name;
    `rouge1`, `rouge2` and `rougeL` take one of the three. `keyword` asks instead whether the term's name stands in the
    sentence word for word. `likelihood` puts the gene's sentences before "GENE takes part in" and measures by how much
    they lower a language model's perplexity of the names of the gene's terms (`rbio_kg.verifiers.text.perplexity`).
    Sentences that
    deny something do not count. The score is the mean over the genes that are annotated; a text that says nothing of
    them scores 0.

    Args:
        snapshot_dir: folder of a snapshot.
        variant: one of `VARIANTS`.
        namespaces: the ontologies that are read.
        model: the `likelihood` variant's causal language model, a folder in the Hugging Face layout or a hub id.

    Raises:
        VerifierError: the variant or an ontology is unknown, or the model is missing or given in vain.
    """

    name = "ontology_text"
    kind: ClassVar[Literal["claim", "text"]] = "text"

    def __init__(
        self,
        snapshot_dir: Path | str,
        variant: Variant = "rouge",
        namespaces: Sequence[str] = NAMESPACES,
        *,
        model: Path | str | None = None,
    ) -> None:
        if variant not in VARIANTS:
            raise VerifierError(f"ontology_text has no variant {variant!r}", hint=f"known: {', '.join(VARIANTS)}")
        if (variant == "likelihood") != (model is not None):
            raise VerifierError("the likelihood variant, and no other, needs a language model", hint="give it as model")
        self.snapshot_dir = Path(snapshot_dir)
        if not namespaces or not set(namespaces) <= set(NAMESPACES):
            raise VerifierError(f"GO has no ontologies {list(namespaces)}", hint="known: " + ", ".join(NAMESPACES))
        self.variant = variant
        self.namespaces = tuple(namespaces)
        self._gain = None if model is None else PerplexityGain(model)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("snapshot_dir", "variant", "namespaces", "_gain")
        return {name: self.__dict__[name] for name in kept}

    @cached_property
    def snapshot(self) -> Snapshot:
        """The graph, opened at first use."""
        return Snapshot.open(self.snapshot_dir)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self.snapshot)

    @property
    def card(self) -> Card:
        """What it knows, and when it abstains."""
        return Card(
            knows="whether a text says of the claim's genes what their most specific GO annotations say",
            relations=frozenset(Relation),
            abstains="no text, an unknown gene, a self-claim, or no annotation of either gene",
            sources=("Gene Ontology", "GO annotations"),
            licence="CC BY 4.0",
            reference="after the GO verifiers of rbio-1 (bioRxiv 2025.08.18.670981); ROUGE: Lin 2004",
            range="0 (no agreement) to 1; it judges the text, not the claim",
            limits="knows words, not meaning; reasoning_trace checks what is said",
            settings={
                "variant": self.variant,
                "namespaces": list(self.namespaces),
                "model": None if self._gain is None else self._gain.model,
                "terms": TERMS,
                "sentences": SENTENCES,
                "enough": ENOUGH,
            },
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Agreement of each text with the annotations of its claim's genes, (n,), 0 to 1, NaN where it abstains."""
        check_lengths(claims, texts)
        if texts is None:
            return np.full(len(claims), np.nan)
        return np.array([self._judge(*pair)[0] for pair in zip(claims, texts, strict=True)], dtype=np.float64)

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score with the annotations that the text agrees with."""
        score, matches, reason = self._judge(claim, text or "")
        if math.isnan(score):
            return Verdict(None, Status.ABSTAIN, reason=reason, verifier=self.name)
        keys = self.snapshot.terms.keys
        cited = sorted(
            ((match.agreement, symbol, keys[match.term]) for symbol, found in matches.items() for match in found),
            key=lambda item: (-item[0], item[1], item[2]),
        )
        evidence = tuple(
            Evidence(Node("Gene", symbol), "ANNOTATED_WITH", Node("GoTerm", key), agreement, path=i)
            for i, (agreement, symbol, key) in enumerate(cited)
        )
        return Verdict(score, Status.OK, evidence, reason, self.name)

    def _judge(self, claim: Claim, text: str) -> tuple[float, dict[str, list[_Match]], str]:
        symbols = self._genes(claim)
        if not symbols:
            return math.nan, {}, "an unknown gene or a self-claim"
        if not text.strip():
            return math.nan, {}, "no text"
        references = {symbol: self._reference(symbol) for symbol in symbols}
        annotated = [symbol for symbol in symbols if references[symbol]]
        if not annotated:
            return math.nan, {}, "no GO annotation of these genes"
        sentences = self._sentences(text, annotated)
        if self._gain is not None:
            gains = {symbol: self._gained(symbol, sentences[symbol], references[symbol]) for symbol in annotated}
            helped = {s: [_Match(gain, term) for term, _ in references[s]] for s, gain in gains.items() if gain}
            told = ", ".join(f"{symbol} {gain:.2f}" for symbol, gain in gains.items())
            return sum(gains.values()) / len(gains), helped, f"the text lowers the annotations' perplexity by: {told}"
        matches = {
            symbol: self._best([self._match(words, references[symbol]) for words in sentences[symbol]])
            for symbol in annotated
        }
        values = [
            sum(match.agreement for match in found) / min(ENOUGH, len(references[symbol]))
            for symbol, found in matches.items()
        ]
        count = sum(len(found) for found in matches.values())
        return sum(values) / len(values), matches, f"{count} sentences agree with annotations of {', '.join(annotated)}"

    def _gained(self, symbol: str, sentences: dict[str, str], reference: tuple[tuple[int, str], ...]) -> float:
        """How far the gene's sentences lower the perplexity of its annotations, 0 to 1."""
        assert self._gain is not None
        context = " ".join(f"{written}." for words, written in sentences.items() if not self._is_list(words))
        names = ", ".join(self.snapshot.term_names[term] for term, _ in reference)
        return self._gain.gain(context, f"{symbol} takes part in", f"{names}.")

    def _genes(self, claim: Claim) -> list[str]:
        """Symbols of the claim's genes; none where one is unknown or both are the same."""
        found = [self.snapshot.resolve(claim.subject)]
        if claim.relation != Relation.TAKES_PART_IN:
            found.append(self.snapshot.resolve(claim.object))
        elif claim.object not in self.snapshot.terms and claim.object not in self.snapshot.pathways:
            return []
        symbols = [symbol for symbol in found if symbol is not None]
        return symbols if len(set(symbols)) == len(found) and claim.subject != claim.object else []

    @lru_cache(maxsize=4096)  # noqa: B019 - one verifier lives as long as its process, and the cache is not pickled
    def _reference(self, symbol: str) -> tuple[tuple[int, str], ...]:
        """The gene's most specific terms, each with its normalised name."""
        snapshot = self.snapshot
        terms = snapshot.annotations.row(snapshot.genes.index(symbol))[0].tolist()
        told = [NAMESPACES.index(name) for name in self.namespaces]
        terms = [term for term in terms if snapshot.term_namespaces[term] in told]
        specific = sorted((term for term in terms if snapshot.information_content[term] > 0), key=self._rank)[:TERMS]
        return tuple((term, normalised(snapshot.term_names[term])) for term in specific)

    def _rank(self, term: int) -> tuple[float, int]:
        return -float(self.snapshot.information_content[term]), term

    def _sentences(self, text: str, symbols: list[str]) -> dict[str, dict[str, str]]:
        """Of each gene, the first different sentences that name it: normalised words without gene names, as written."""
        found: dict[str, dict[str, str]] = {symbol: {} for symbol in symbols}
        for match in _SENTENCE.finditer(text[:READ_CHARACTERS]):
            if NEGATIONS & set(match.group().lower().split()):
                continue
            mentions = self._lexicon.genes(match.group())
            rest = list(match.group())
            for mention in mentions:
                rest[mention.start : mention.end] = " " * (mention.end - mention.start)
            words = normalised("".join(rest))
            for symbol in {mention.symbol for mention in mentions} & set(symbols):
                if len(found[symbol]) < SENTENCES:
                    found[symbol].setdefault(words, match.group().strip())
        return found

    def _match(self, words: str, reference: tuple[tuple[int, str], ...]) -> _Match:
        if self._is_list(words):
            return _Match(0.0, reference[0][0])
        return max((_Match(self._agreement(words, name), term) for term, name in reference), key=lambda m: m.agreement)

    def _agreement(self, words: str, name: str) -> float:
        words, name = _told(words), _told(name)
        if self.variant == "keyword":
            return float(f" {name} " in f" {words} ")
        measures = f_measures(name, words)[_ROUGES[self.variant]]
        agreement = min(1.0, sum(measures) / len(measures) / FULL_AGREEMENT)
        return agreement if agreement >= LEAST_AGREEMENT else 0.0

    def _is_list(self, words: str) -> bool:
        """Whether a sentence names more terms (of two words or more) than a statement would."""
        pieces, at, named = words.split(), 0, set()
        while at < len(pieces):
            places, length = self._lexicon.term_names.at(pieces[at : at + 20])
            if places and length > 1:
                named.add(places[0].key)
                at += length
            else:
                at += 1
        return len(named) > LIST_LENGTH

    @staticmethod
    def _best(matches: list[_Match]) -> list[_Match]:
        """The best matches, one a term: the same term said twice is said once."""
        found: dict[int, _Match] = {}
        for match in sorted(matches, key=lambda m: -m.agreement):
            if match.agreement > 0:
                found.setdefault(match.term, match)
        return list(found.values())[:ENOUGH]


@lru_cache(maxsize=65_536)
def _told(words: str) -> str:
    """What the words say beside joining a gene and a term; all of them where that is all."""
    return " ".join(word for word in words.split() if word not in _JOINING) or words
