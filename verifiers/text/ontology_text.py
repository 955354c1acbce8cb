"""Compares what a text says of each gene with the gene's most specific GO annotations.

The variants follow the keyword, ROUGE and likelihood verifiers of the rbio-1 paper. Three changes prevent a reward for
keyword stuffing: a term counts only in a sentence that names the gene, only the first few such sentences are read, and
lists score nothing. The paper's likelihood of the annotations does not depend on what the model wrote. Here the score
is what the text adds to the likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

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
from rbio_kg.verifiers.text.sentences import split_sentences, without_end
from rbio_kg.verifiers.text.term_names import LONGEST_NAME, normalised
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
"""Number of characters of a text that are read."""
TERMS = 10
"""Largest number of reference terms of a gene: its direct annotations of highest information content."""
SENTENCES = 4
"""Number of different sentences read that name a gene. The limit makes guessing useless."""
ENOUGH = 2
"""Number of agreeing sentences that make a full score."""
FULL_AGREEMENT = 0.5
"""ROUGE F-measure from which a sentence agrees fully. A plain sentence with a term's name reaches it, so that a bare
keyword has no advantage."""
LEAST_AGREEMENT = 0.3
"""Less agreement than this is an overlap of common words and counts as 0."""
LIST_LENGTH = 3
"""A sentence that names more different terms than this is a list, not a statement, and does not count."""
_LINKING_WORDS = {
    *("a", "an", "the", "of", "in", "is", "are", "was", "both", "takes", "take", "taking", "part", "involved"),
    *("participates", "participate", "member", "has", "role"),
}
"""Words that only link a gene and a term. They are left out of sentences and names: otherwise a name of one word would
agree better with a keyword than with a plain sentence."""


@dataclass(frozen=True, slots=True)
class _Match:
    """The term that agrees best with a sentence, and the agreement, 0 to 1."""

    agreement: float
    term: int


class _Scored(NamedTuple):
    """A text's score, 0 to 1 or NaN where the verifier abstains, with the matches of each gene and the reason."""

    score: float
    matches: dict[str, list[_Match]]
    reason: str


class OntologyTextVerifier(Verifier):
    """Scores a reasoning by its agreement with the GO annotations of the claim's genes.

    The score of a gene is the mean over `ENOUGH` sentences of min(1, F / `FULL_AGREEMENT`). The variants:

    - `rouge`: F is the mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L (stemmed) between the sentence, without
      gene names, and the best-fitting term name. `rouge1`, `rouge2` and `rougeL` take one of the three.
    - `keyword`: whether the sentence contains the term's name word for word.
    - `likelihood`: by how much the gene's sentences, put ahead of "GENE takes part in", lower a language model's
      perplexity of the names of the gene's terms (`rbio_kg.verifiers.text.perplexity`).

    Sentences with a denial do not count. The score of a text is the mean over the annotated genes. A text that says
    nothing of them scores 0.

    Args:
        snapshot_dir: folder of a snapshot.
        variant: one of `VARIANTS`.
        namespaces: the ontologies that are read.
        model: causal language model of the `likelihood` variant: a folder in the Hugging Face layout, or a hub id.

    Raises:
        VerifierError: the variant or an ontology is unknown, or the model is missing or not needed.
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
            raise VerifierError(
                "only the likelihood variant needs a language model", hint="give it as model, or leave it out"
            )
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
            range="0 (no agreement) to 1; it scores the text, not the claim",
            limits="compares words, not meaning; reasoning_trace checks what is said",
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
        return np.array([self._scored(*pair).score for pair in zip(claims, texts, strict=True)], dtype=np.float64)

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score with the annotations that the text agrees with."""
        score, matches, reason = self._scored(claim, text or "")
        if math.isnan(score):
            return Verdict(None, Status.ABSTAIN, reason=reason, verifier=self.name)
        keys = self.snapshot.terms.keys
        cited = sorted(
            ((match.agreement, symbol, keys[match.term]) for symbol, found in matches.items() for match in found),
            key=lambda item: (-item[0], item[1], item[2]),
        )
        evidence = tuple(
            Evidence(
                Node("Gene", symbol), "ANNOTATED_WITH", Node("GoTerm", key), agreement, i, self._source(symbol, key)
            )
            for i, (agreement, symbol, key) in enumerate(cited)
        )
        return Verdict(score, Status.OK, evidence, reason, self.name)

    def _source(self, symbol: str, key: str) -> dict[str, str]:
        snapshot = self.snapshot
        position = snapshot.annotations.position(snapshot.genes.index(symbol), snapshot.terms.index(key))
        return snapshot.source(snapshot.annotations, position)

    def _scored(self, claim: Claim, text: str) -> _Scored:
        symbols = self._genes(claim)
        if not symbols:
            return _Scored(math.nan, {}, "an unknown gene or a self-claim")
        if not text.strip():
            return _Scored(math.nan, {}, "no text")
        references = {symbol: self._reference(symbol) for symbol in symbols}
        annotated = [symbol for symbol in symbols if references[symbol]]
        if not annotated:
            return _Scored(math.nan, {}, "no GO annotation of these genes")
        sentences = self._sentences(text, annotated)
        if self._gain is not None:
            gains = {
                symbol: self._perplexity_gain(symbol, sentences[symbol], references[symbol]) for symbol in annotated
            }
            helped = {s: [_Match(gain, term) for term, _ in references[s]] for s, gain in gains.items() if gain}
            listed = ", ".join(f"{symbol} {gain:.2f}" for symbol, gain in gains.items())
            reason = f"the text lowers the annotations' perplexity by: {listed}"
            return _Scored(sum(gains.values()) / len(gains), helped, reason)
        matches = {
            symbol: self._best([self._match(words, references[symbol]) for words in sentences[symbol]])
            for symbol in annotated
        }
        values = [
            sum(match.agreement for match in found) / min(ENOUGH, len(references[symbol]))
            for symbol, found in matches.items()
        ]
        count = sum(len(found) for found in matches.values())
        reason = f"{count} sentences agree with annotations of {', '.join(annotated)}"
        return _Scored(sum(values) / len(values), matches, reason)

    def _perplexity_gain(self, symbol: str, sentences: dict[str, str], reference: tuple[tuple[int, str], ...]) -> float:
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
        elif self.snapshot.identity.object(claim.object) is None:
            return []
        symbols = [symbol for symbol in found if symbol is not None]
        return symbols if len(set(symbols)) == len(found) and claim.subject != claim.object else []

    @lru_cache(maxsize=4096)  # noqa: B019 - one verifier lives as long as its process, and the cache is not pickled
    def _reference(self, symbol: str) -> tuple[tuple[int, str], ...]:
        """The gene's most specific terms, each with its normalised name."""
        snapshot = self.snapshot
        terms = snapshot.annotations.row(snapshot.genes.index(symbol))[0].tolist()
        namespaces = [NAMESPACES.index(name) for name in self.namespaces]
        terms = [term for term in terms if snapshot.term_namespaces[term] in namespaces]
        specific = sorted((term for term in terms if snapshot.information_content[term] > 0), key=self._rank)[:TERMS]
        return tuple((term, normalised(snapshot.term_names[term])) for term in specific)

    def _rank(self, term: int) -> tuple[float, int]:
        return -float(self.snapshot.information_content[term]), term

    def _sentences(self, text: str, symbols: list[str]) -> dict[str, dict[str, str]]:
        """The first different sentences that name each gene: normalised words without gene names to what is written."""
        found: dict[str, dict[str, str]] = {symbol: {} for symbol in symbols}
        for sentence in map(without_end, split_sentences(text[:READ_CHARACTERS])):
            if NEGATIONS & set(sentence.lower().split()):
                continue
            mentions = self._lexicon.genes(sentence)
            rest = list(sentence)
            for mention in mentions:
                rest[mention.start : mention.end] = " " * (mention.end - mention.start)
            words = normalised("".join(rest))
            for symbol in {mention.symbol for mention in mentions} & set(symbols):
                if len(found[symbol]) < SENTENCES:
                    found[symbol].setdefault(words, sentence)
        return found

    def _match(self, words: str, reference: tuple[tuple[int, str], ...]) -> _Match:
        if self._is_list(words):
            return _Match(0.0, reference[0][0])
        return max((_Match(self._agreement(words, name), term) for term, name in reference), key=lambda m: m.agreement)

    def _agreement(self, words: str, name: str) -> float:
        words, name = _without_links(words), _without_links(name)
        if self.variant == "keyword":
            return float(f" {name} " in f" {words} ")
        measures = f_measures(name, words)[_ROUGES[self.variant]]
        agreement = min(1.0, sum(measures) / len(measures) / FULL_AGREEMENT)
        return agreement if agreement >= LEAST_AGREEMENT else 0.0

    def _is_list(self, words: str) -> bool:
        """Whether a sentence names more terms (of two words or more) than a statement would."""
        pieces, at, named = words.split(), 0, set()
        while at < len(pieces):
            terms, length = self._lexicon.term_names.at(pieces[at : at + LONGEST_NAME])
            if terms and length > 1:
                named.add(terms[0].key)
                at += length
            else:
                at += 1
        return len(named) > LIST_LENGTH

    @staticmethod
    def _best(matches: list[_Match]) -> list[_Match]:
        """The best matches, one for each term: repeating a term does not count."""
        found: dict[int, _Match] = {}
        for match in sorted(matches, key=lambda m: -m.agreement):
            if match.agreement > 0:
                found.setdefault(match.term, match)
        return list(found.values())[:ENOUGH]


@lru_cache(maxsize=65_536)
def _without_links(words: str) -> str:
    """The words without those that only link a gene and a term; all of them where no other is left."""
    return " ".join(word for word in words.split() if word not in _LINKING_WORDS) or words
