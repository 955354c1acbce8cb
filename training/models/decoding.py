"""Answers of a language model: the probability it gives yes, and completions that it samples."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from rbio_kg.core.progress import Progress
from rbio_kg.core.typing import FloatArray
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.forward import log_probabilities, padded, read_states, states_after
from rbio_kg.training.models.loading import quiet
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import answer_opening


@dataclass(frozen=True)
class Likelihood:
    """What the model says at the answer.

    Args:
        probability: of yes against no, (n,), 0 to 1.
        stated: the q of the completions that it would write, their mean, (n,), 0.1 to 0.9: over yes and no and the
            digits 1 to 9 behind each. A proper rule pays for this one; which of "yes 3" and "no 7" says it earns
            nothing, so that training may move `probability` away from it.
        mass: probability of yes and no together among all tokens, (n,): near 1 once the format is learnt.
    """

    probability: FloatArray
    stated: FloatArray
    mass: FloatArray


def likelihood(
    language_model: LanguageModel,
    prompts: Sequence[str],
    reasonings: Sequence[str] | None = None,
    *,
    batch_size: int = 32,
    progress: Progress,
) -> Likelihood:
    """Read yes against no where the answer stands, and the digits behind each: one forward pass a question.

    Args:
        language_model: the model, without dropout.
        prompts: as `prompts.prompt_text` makes them, (n,).
        reasonings: what is put into each think block, (n,); None: nothing, as `prompts.DIRECT` says.
        batch_size: questions at once.
        progress: told after every batch.
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
            states, read = read_states(model, ids)
            last = states[torch.arange(len(chosen)), [length - 1 for length in lengths]]
            found = log_probabilities(model, last)[:, [tokens.yes, tokens.no]].double().cpu().numpy()
            margin[chosen] = found[:, 0] - found[:, 1]
            mass[chosen] = np.exp(found).sum(axis=1)
            for column, word in enumerate(("yes", "no")):
                last = states_after(model, tokens.openings[word], lengths, deepcopy(read))[:, -1]
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
    language_model: LanguageModel,
    prompts: Sequence[str],
    *,
    samples: int,
    max_tokens: int,
    temperature: float = 1.0,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress,
) -> list[list[str]]:
    """Sampled completions, without special tokens: `samples` for each prompt, the same for the same seed.

    A temperature of 0 takes the likeliest token each time.
    """
    import torch

    tokenizer, model = language_model.tokenizer, language_model.model.eval()
    device = next(model.parameters()).device
    rows = [prompt for prompt in prompts for _ in range(samples)]
    found: list[str] = []
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    how = (
        {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        if temperature
        else {"do_sample": False}
    )
    try:
        with torch.inference_mode(), quiet():
            for start in range(0, len(rows), batch_size):
                texts = rows[start : start + batch_size]
                batch = tokenizer(
                    texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False
                )
                ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
                written = model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=max_tokens,
                    pad_token_id=tokenizer.pad_token_id,
                    eos_token_id=tokenizer.eos_token_id,
                    **how,
                )
                found.extend(tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True))
                progress(f"answered {len(found)} of {len(rows)}", len(found) / len(rows))
    finally:
        torch.set_rng_state(state)
    return [found[start : start + samples] for start in range(0, len(found), samples)]
