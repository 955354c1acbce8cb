"""SFT with soft targets: a short supervised training on the answer format and on the probability of yes.

One pass over the examples. The loss of an example has three terms:

- the cross-entropy at the answer, with the soft target q on yes and 1 - q on no;
- the cross-entropy at the confidence digit, with the confidence as soft target;
- the mean cross-entropy of the other tokens that it writes.

In trials with equal rows, hard labels lost most of the skill of a small model.

Why not `transformers.Trainer`: in one process it gives the same weights, also after an interruption, in about the same
time (2.9 against 2.7 seconds of CPU for 50 steps of a tiny model). But SFT runs in the first of several processes, and
its result must not depend on their number. Trainer there waits for all processes and divides each batch among them. It
also writes checkpoints in place, so that one of a killed process would need checks of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.forward import hidden_states, log_probabilities, padded
from rbio_kg.training.models.randomness import seeded
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.runs.eta import time_left
from rbio_kg.training.sft.checkpoint import SftState, fingerprint, restore_checkpoint, save_checkpoint
from rbio_kg.training.sft.examples import EncodedExample, SftExample, encode_example
from rbio_kg.training.sft.history import SftHistory

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import WarmupSettings

CHECKPOINT_SECONDS = 60.0
"""Time between checkpoints; one is also written when the training is interrupted."""
WARMUP_STEPS = 5
MAX_NORM = 1.0
"""Largest norm of the gradient; longer gradients are scaled down to it."""


def run_sft(
    language_model: LanguageModel,
    examples: Sequence[SftExample],
    settings: WarmupSettings,
    *,
    seed: int,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress,
) -> tuple[SftHistory, int]:
    """Train the model's trainable parameters in place, one pass over the examples in their order.

    Args:
        language_model: with trainable parameters (see `add_lora`).
        examples: in the order of training; pairs of one gene are neighbours. An incomplete last batch is left out.
        settings: batch size, learning rate and loss weights.
        seed: of the answers and digits that are drawn, and of dropout.
        checkpoint: file for the state, written every `CHECKPOINT_SECONDS` and on an interruption.
        resume: go on from that file if it exists.
        progress: called after every step.

    Returns:
        The losses, and the step it was resumed from (0: from the beginning).

    Raises:
        TrainingError: there are fewer examples than one batch, the loss is not finite, or the checkpoint is corrupt or
            of another training.
    """
    import torch

    model, tokens = language_model.model, AnswerTokens(language_model.tokenizer)
    rng = np.random.default_rng(seed)
    encoded = [encode_example(example, tokens, rng) for example in examples]
    steps = len(encoded) // settings.batch_size
    if steps == 0:
        raise TrainingError(
            f"{len(encoded)} examples are fewer than one batch of {settings.batch_size}", hint="give more questions"
        )
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    state = SftState(fingerprint(encoded, settings, seed), parameters, optimiser, SftHistory())
    if resume and checkpoint is not None and checkpoint.is_file():
        restore_checkpoint(checkpoint, state)
    resumed, earlier = state.done, state.history.seconds
    started = saved = time.monotonic()
    model.train()
    try:
        for step in range(resumed, steps):
            batch = encoded[step * settings.batch_size : (step + 1) * settings.batch_size]
            with seeded(_step_seed(seed, step)):  # dropout, where the model has any, is the same after a resumption
                losses = _add_gradients(model, tokens, batch, settings)
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM))
            _check_finite(losses, norm, step + 1)
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, steps)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            state.history.add(losses)
            state.done = step + 1
            state.history.seconds = earlier + time.monotonic() - started
            left = time_left(started, state.done - resumed, steps - state.done)
            answer = state.history.answer[-1]
            progress(f"SFT step {state.done} of {steps}, loss {answer:.3f} at the answer{left}", state.done / steps)
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                save_checkpoint(checkpoint, state)
                saved = time.monotonic()
    except KeyboardInterrupt:
        # Interrupted within a step, the gradients are dropped and the last finished step is kept.
        if checkpoint is not None and len(state.history.answer) == state.done == len(state.history.text):
            save_checkpoint(checkpoint, state)
        raise
    finally:
        model.eval()
    if checkpoint is not None:
        save_checkpoint(checkpoint, state)
    return state.history, resumed


def loss_sums(model: Any, tokens: AnswerTokens, batch: Sequence[EncodedExample]) -> dict[str, Any]:
    """Cross-entropies at the answers, at the digits and of the other text, each summed over a batch."""
    import torch

    device = next(model.parameters()).device
    states = hidden_states(model, padded([item.ids for item in batch], tokens.tokenizer.pad_token_id, device))
    rows = torch.arange(len(batch), device=device)
    q = torch.tensor([item.q for item in batch], dtype=torch.float32, device=device)
    at_answer = log_probabilities(model, states[rows, [item.answer_at for item in batch]])
    answer = -(q * at_answer[:, tokens.yes] + (1.0 - q) * at_answer[:, tokens.no]).sum()
    at_digit = log_probabilities(model, states[rows, [item.digit_at for item in batch]])
    wanted = torch.tensor(np.stack([item.digits for item in batch]), dtype=torch.float32, device=device)
    digit = -(wanted * at_digit[:, tokens.digits]).sum()
    text_at = [(row, at) for row, item in enumerate(batch) for at in item.text_at]
    written = log_probabilities(model, states[[row for row, _ in text_at], [at for _, at in text_at]])
    targets = torch.tensor([batch[row].ids[at + 1] for row, at in text_at], device=device)
    text = torch.nn.functional.nll_loss(written, targets, reduction="sum")
    return {"answer": answer, "digit": digit, "text": text}


def _add_gradients(
    model: Any, tokens: AnswerTokens, batch: Sequence[EncodedExample], settings: WarmupSettings
) -> dict[str, float]:
    """Add up the gradients of one batch; the mean losses.

    Examples with and without reasoning go through the model separately: padding the short ones to the length of the
    long ones would cost half as much again. Both are in every batch, because a format that appears only now and then
    is not learnt in so few steps.
    """
    weights = {"answer": 1.0, "digit": settings.digit_weight, "text": settings.text_weight}
    counts = {"answer": len(batch), "digit": len(batch), "text": sum(len(item.text_at) for item in batch)}
    means = dict.fromkeys(weights, 0.0)
    for reasons in (False, True):
        part = [item for item in batch if item.reasons is reasons]
        if part:
            sums = loss_sums(model, tokens, part)
            sum(weights[name] * sums[name] / counts[name] for name in weights).backward()
            means = {name: means[name] + float(sums[name].detach()) / counts[name] for name in weights}
    return means


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _check_finite(losses: Mapping[str, float], norm: float, step: int) -> None:
    """Raise TrainingError unless losses and gradient are finite."""
    hint = "lower warmup.learning_rate in the recipe"
    if not all(math.isfinite(value) for value in losses.values()):
        raise TrainingError(f"the SFT loss is not finite at step {step} ({losses})", hint=hint)
    if not math.isfinite(norm):
        raise TrainingError(f"the SFT gradient is not finite at step {step}", hint=hint)


def _schedule(step: int, steps: int) -> float:
    """Factor of the learning rate: linear over the first `WARMUP_STEPS`, times a cosine down to a tenth."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * (0.1 + 0.45 * (1.0 + math.cos(math.pi * step / steps)))
