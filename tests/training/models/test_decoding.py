"""Likelihood and samples: padding and batches must not matter, seeds must."""

from __future__ import annotations

import numpy as np
import pytest

from rbio_kg.core.progress import silent
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import DIRECT, prompt_text
from tests.support.tiny_model import tiny_model, tiny_tokenizer

pytestmark = pytest.mark.precision

TOKENIZER = tiny_tokenizer()
MODEL = LanguageModel(tiny_model(TOKENIZER), TOKENIZER, "tiny")
PROMPTS = [prompt_text(TOKENIZER, [{"role": "user", "content": "link " * n + "?"}]) for n in (1, 9, 3, 20, 5)]


def mean_confidence(text: str, tokens: AnswerTokens) -> float:
    """Of the digits that may follow an answer, without any cache."""
    import torch

    written = [TOKENIZER(f"{text} {digit}</answer>", add_special_tokens=False)["input_ids"] for digit in (1, 9)]
    at = next(i for i, (one, other) in enumerate(zip(*written, strict=True)) if one != other)
    with torch.no_grad():
        table = MODEL.model(torch.tensor([written[0][:at]])).logits[0, -1].double().softmax(-1).numpy()
    shares = table[tokens.digits] / table[tokens.digits].sum()
    return float(sum(digit * share for digit, share in enumerate(shares, start=1)) / 10)


@pytest.mark.parametrize("reasonings", [None, ["", "link no.", "a", " change\n", "x" * 30]])
def test_likelihood_is_the_softmax_at_the_answer(reasonings: list[str] | None) -> None:
    import torch

    tokens = AnswerTokens(TOKENIZER)
    found = likelihood(MODEL, PROMPTS, reasonings, batch_size=2, progress=silent)
    for row, prompt in enumerate(PROMPTS):
        opening = DIRECT if reasonings is None else f"<think>{reasonings[row]}</think><answer>"
        ids = TOKENIZER(prompt + opening, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            table = MODEL.model(torch.tensor([ids])).logits[0, -1].double().softmax(-1).numpy()
        yes, no = table[tokens.yes], table[tokens.no]
        stated = sum(
            said / (yes + no) * (mean if word == "yes" else 1.0 - mean)
            for word, said in (("yes", yes), ("no", no))
            for mean in [mean_confidence(prompt + opening + word, tokens)]
        )
        assert found.stated[row] == pytest.approx(stated, abs=1e-5)
        assert found.probability[row] == pytest.approx(yes / (yes + no), abs=1e-5)
        assert found.mass[row] == pytest.approx(yes + no, abs=1e-5)


def test_batches_do_not_matter() -> None:
    one = likelihood(MODEL, PROMPTS, batch_size=1, progress=silent)
    all_at_once = likelihood(MODEL, PROMPTS, batch_size=99, progress=silent)
    np.testing.assert_allclose(one.probability, all_at_once.probability, atol=1e-6)
    np.testing.assert_allclose(one.stated, all_at_once.stated, atol=1e-6)


def test_samples_follow_the_seed_and_leave_the_global_one_alone() -> None:
    import torch

    torch.manual_seed(3)
    first = sample(MODEL, PROMPTS, Sampling(3, 5, seed=1, batch_size=4), progress=silent)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))
    assert [len(texts) for texts in first] == [3] * len(PROMPTS)
    assert first == sample(MODEL, PROMPTS, Sampling(3, 5, seed=1, batch_size=4), progress=silent)
    assert first != sample(MODEL, PROMPTS, Sampling(3, 5, seed=2, batch_size=4), progress=silent)


def test_temperature_nought_is_greedy() -> None:
    texts = sample(MODEL, PROMPTS[:1], Sampling(2, 6, temperature=0.0), progress=silent)[0]
    assert texts[0] == texts[1]
