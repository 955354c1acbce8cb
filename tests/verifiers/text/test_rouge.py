"""Fast ROUGE against the library's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from rbio_kg.verifiers.text.rouge import f_measures

SCORED = ("rouge1", "rouge2", "rougeL")
SCORER = RougeScorer(SCORED, use_stemmer=True)
VOCABULARY = ("regulation", "regulates", "of", "cell", "cell-cycle", "cycles", "DNA", "repair,", "takes", "in", "5'")
words = st.lists(st.sampled_from(VOCABULARY), max_size=12)


@given(words, words)
def test_equals_the_library(one: list[str], other: list[str]) -> None:
    reference, text = " ".join(one), " ".join(other)
    expected = SCORER.score(reference, text)
    assert f_measures(reference, text) == pytest.approx([expected[name].fmeasure for name in SCORED])
