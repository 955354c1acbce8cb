"""Fast ROUGE against the library's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from verifiers.rouge import mean_f_measure

SCORER = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
VOCABULARY = ("regulation", "regulates", "of", "cell", "cell-cycle", "cycles", "DNA", "repair,", "takes", "in", "5'")
words = st.lists(st.sampled_from(VOCABULARY), max_size=12)


@given(words, words)
def test_equals_the_library(one: list[str], other: list[str]) -> None:
    reference, text = " ".join(one), " ".join(other)
    expected = SCORER.score(reference, text)
    assert mean_f_measure(reference, text) == pytest.approx(sum(item.fmeasure for item in expected.values()) / 3)
