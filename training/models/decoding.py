"""Answers of a language model: its probability of yes, and sampled completions."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from rbio_kg.core.progress import Progress
from rbio_kg.core.typing import FloatArray
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.forward import log_probabilities, padded, read_states, states_after
from rbio_kg.training.models.loading import quiet
from rbio_kg.training.models.randomness import seeded
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import answer_opening


@dataclass(frozen=True)
class Likelihood:
    """The model's probabilities at the answer.

    Args:
        probability: of yes against no, (n,), 0 to 1.
        stated: mean q of the completions that it would write, (n,), 0.1 to 0.9: over yes and no and the digits 1 to 9
            after each. A proper scoring rule rewards this value. It rewards "yes 3" and "no 7" alike, so that training
            may move `probability` away from it.
        mass: probability of yes and no together among all tokens, (n,): near 1 once the format is learnt.
    """

    probability: FloatArray
    stated: FloatArray
    mass: FloatArray


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are sampled.

    Args:
        samples: completions per prompt.
        max_tokens: longest completion.
        temperature: of the sampling; 0 takes the most probable token each time.
        seed: of the draws.
        batch_size: completions at once.
    """

    samples: int
    max_tokens: int
    temperature: float = 1.0
    seed: int = 0
    batch_size: int = 32


def likelihood(
    language_model: LanguageModel,
    prompts: Sequence[str],
    reasonings: Sequence[str] | None = None,
    *,
    batch_size: int = 32,
    progress: Progress,
) -> Likelihood:
    """The probabilities of yes and no at the answer, and of the digits after each: one forward pass per question.

    Args:
        language_model: the model, without dropout.
        prompts: as `prompts.prompt_text` makes them, (n,).
        reasonings: text of each think block, (n,); None: empty, as in `prompts.DIRECT`.
        batch_size: questions at once.
        progress: called after every batch.
    """
    import torch

    tokens = AnswerTokens(language_model.tokenizer)
    thinks = [""] * len(prompts) if reasonings is None else reasonings
    rows = [tokens.prefix(prompt + answer_opening(think)) for prompt, think in zip(prompts, thinks, strict=True)]
    # Questions of one length together: less padding.
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    margin, mass, stated = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros((len(rows), 2))
    model = language_model.model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            ids = padded([rows[row] for row in chosen], language_model.tokenizer.pad_token_id, device)
            lengths = [len(rows[row]) for row in chosen]
            states, cache = read_states(model, ids)
            last = states[torch.arange(len(chosen)), [length - 1 for length in lengths]]
            found = log_probabilities(model, last)[:, [tokens.yes, tokens.no]].double().cpu().numpy()
            margin[chosen] = found[:, 0] - found[:, 1]
            mass[chosen] = np.exp(found).sum(axis=1)
            for column, word in enumerate(("yes", "no")):
                last = states_after(model, tokens.openings[word], lengths, deepcopy(cache))[:, -1]
                digits = log_probabilities(model, last)[:, tokens.digits].double().softmax(-1).cpu().numpy()
                confidence = digits @ np.arange(1, 10) / 10
                stated[chosen, column] = confidence if word == "yes" else 1.0 - confidence
            progress(
                f"scored {min(start + batch_size, len(rows))} of {len(rows)} questions",
                (start + len(chosen)) / len(rows),
            )
    yes = expit(margin)
    return Likelihood(yes, yes * stated[:, 0] + (1.0 - yes) * stated[:, 1], mass)


def sample(
    language_model: LanguageModel, prompts: Sequence[str], settings: Sampling, *, progress: Progress
) -> list[list[str]]:
    """Sampled completions, without special tokens: `settings.samples` for each prompt, in the prompts' order.

    Args:
        language_model: the model.
        prompts: as `prompts.prompt_text` makes them, (n,).
        settings: how to sample; the same settings give the same completions.
        progress: called after every batch.
    """
    import torch

    tokenizer, model = language_model.tokenizer, language_model.model.eval()
    device = next(model.parameters()).device
    rows = [prompt for prompt in prompts for _ in range(settings.samples)]
    found: list[str] = []
    how: dict[str, Any] = {"do_sample": False}
    if settings.temperature:
        how = {"do_sample": True, "temperature": settings.temperature, "top_k": 0, "top_p": 1.0}
    with seeded(settings.seed), torch.inference_mode(), quiet():
        for start in range(0, len(rows), settings.batch_size):
            texts = rows[start : start + settings.batch_size]
            batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False)
            ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
            written = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=settings.max_tokens,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                **how,
            )
            found.extend(tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True))
            progress(f"answered {len(found)} of {len(rows)}", len(found) / len(rows))
    return [found[start : start + settings.samples] for start in range(0, len(found), settings.samples)]
