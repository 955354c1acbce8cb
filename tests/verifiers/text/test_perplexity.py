"""Perplexity gains against a token-by-token computation, and what they depend on."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest

from rbio_kg.core.errors import ModelError
from rbio_kg.verifiers.text.perplexity import PerplexityGain
from tests.support.tiny_model import save_tiny_model

pytestmark = pytest.mark.precision

SENTENCE = "DNA repair, cell cycle."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def slow_loss(folder: Path, context: str, opening: str, sentence: str) -> float:
    """One forward pass a token."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder).float().eval()
    ids = [tokenizer.bos_token_id, *tokenizer.encode(f"{context} {opening}".strip(), add_special_tokens=False)]
    losses = []
    for token in tokenizer.encode(f" {sentence}", add_special_tokens=False):
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([ids])).logits[0, -1].double()
        losses.append(float(torch.logsumexp(logits, 0) - logits[token]))
        ids.append(token)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("context", ["TP53 takes part in DNA repair.", "TP53 is a gene.", "Nothing of it."])
def test_equals_the_computation_token_by_token(model: Path, context: str) -> None:
    opening = "TP53 takes part in"
    before, after = (slow_loss(model, given, opening, SENTENCE) for given in ("", context))
    expected = max(0.0, 1.0 - math.exp(after - before))
    assert PerplexityGain(model).gain(context, opening, SENTENCE) == pytest.approx(expected, abs=1e-5)


def test_no_context_gains_nothing_and_pickles_stay_small(model: Path) -> None:
    gain = PerplexityGain(model)
    assert gain.gain("", "TP53 takes part in", SENTENCE) == 0.0
    gain.gain("TP53.", "TP53 takes part in", SENTENCE)
    assert len(pickle.dumps(gain)) < 10_000
    again = pickle.loads(pickle.dumps(gain))
    assert again.gain("TP53.", "x", SENTENCE) == gain.gain("TP53.", "x", SENTENCE)


def test_very_long_texts_are_cut(model: Path) -> None:
    assert 0 <= PerplexityGain(model).gain("DNA repair " * 10_000, "TP53 takes part in", SENTENCE * 500) <= 1


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        PerplexityGain(tmp_path / "none").gain("a", "b", "c")
