"""Warm-up: a short supervised training that teaches the format and how probable yes is.

One pass over the lessons. The loss of a lesson is the cross-entropy at the answer (soft target: q on yes, 1 - q on
no), plus that at the digit (soft target: the confidence), plus the mean cross-entropy of the other tokens it writes.
Soft targets are what makes a small model learn here: at equal rows, hard labels lost most of the skill in trials.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.forward import hidden_states, log_probabilities, padded
from rbio_kg.training.runs.eta import time_left
from rbio_kg.training.sft.checkpoint import fingerprint, restore_checkpoint, save_checkpoint
from rbio_kg.training.sft.examples import EncodedExample, SftExample, encode_example
from rbio_kg.training.sft.history import SftHistory

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import WarmupSettings

CHECKPOINT_SECONDS = 60.0
"""Time between checkpoints; one is also written when the training is interrupted."""


def run_sft(
    model: Any,
    tokenizer: Any,
    examples: Sequence[SftExample],
    settings: WarmupSettings,
    *,
    seed: int,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress,
) -> tuple[SftHistory, int]:
    """Train the model's trainable parameters in place, one pass over the lessons in their order.

    Args:
        model: with trainable parameters (see `add_lora`).
        tokenizer: its tokenizer.
        lessons: in the order in which they are taught; pairs of one gene side by side.
        settings: batch size, learning rate and loss weights.
        seed: of the answers and digits that are drawn.
        checkpoint: file for the state, written now and then and on an interruption.
        resume: go on from that file where it is there.
        progress: told after every step.

    Returns:
        The losses, and the step it was resumed from (0: from the beginning).

    Raises:
        TrainingError: there are fewer lessons than one batch, the loss is not finite, or the checkpoint is corrupt or
            of another training.
    """
    import torch

    tokens = AnswerTokens(tokenizer)
    rng = np.random.default_rng(seed)
    encoded = [encode_example(example, tokens, rng) for example in examples]
    steps = len(encoded) // settings.batch_size
    if steps == 0:
        raise TrainingError(
            f"{len(encoded)} lessons are fewer than one batch of {settings.batch_size}", hint="give more questions"
        )
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    history = SftHistory()
    mark = fingerprint(encoded, settings, seed)
    done = 0
    if resume and checkpoint is not None and checkpoint.is_file():
        done = restore_checkpoint(checkpoint, mark, parameters, optimiser, history)
    resumed = done
    started = saved = time.monotonic()
    earlier = history.seconds
    model.train()
    try:
        for step in range(done, steps):
            batch = encoded[step * settings.batch_size : (step + 1) * settings.batch_size]
            losses = _learn(model, tokens, batch, settings)
            if not all(math.isfinite(value) for value in losses.values()):
                raise TrainingError(
                    f"the warm-up's loss is not finite at step {step + 1} ({losses})",
                    hint="lower warmup.learning_rate in the recipe",
                )
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, 1.0))
            if not math.isfinite(norm):
                raise TrainingError(
                    f"the warm-up's gradient is not finite at step {step + 1}",
                    hint="lower warmup.learning_rate in the recipe",
                )
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, steps)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            for name, value in losses.items():
                getattr(history, name).append(value)
            done = step + 1
            history.seconds = earlier + time.monotonic() - started
            left = time_left(started, done - resumed, steps - done)
            progress(f"warm-up step {done} of {steps}, loss {history.answer[-1]:.3f} at the answer{left}", done / steps)
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                save_checkpoint(checkpoint, mark, done, parameters=parameters, optimiser=optimiser, history=history)
                saved = time.monotonic()
    except KeyboardInterrupt:
        # Stopped inside a step, the gradients are dropped and the last finished step is kept.
        if checkpoint is not None and len(history.answer) == done == len(history.text):
            save_checkpoint(checkpoint, mark, done, parameters=parameters, optimiser=optimiser, history=history)
        raise
    finally:
        model.eval()
    if checkpoint is not None:
        save_checkpoint(checkpoint, mark, done, parameters=parameters, optimiser=optimiser, history=history)
    return history, resumed


def _learn(
    model: Any, tokens: AnswerTokens, batch: Sequence[EncodedExample], settings: WarmupSettings
) -> dict[str, float]:
    """Add up the gradients of one batch; the mean losses.

    Lessons with and without reasoning go through the model apart: padding short ones to the length of long ones would
    cost half as much again. Both in every batch, because a format taught now and then is not learnt in so few steps.
    """
    shares = {"answer": 1.0, "digit": settings.digit_weight, "text": settings.text_weight}
    counts = {"answer": len(batch), "digit": len(batch), "text": sum(len(item.text_at) for item in batch)}
    means = dict.fromkeys(shares, 0.0)
    for reasons in (False, True):
        part = [item for item in batch if item.reasons is reasons]
        if part:
            sums = loss_sums(model, tokens, part)
            sum(shares[name] * sums[name] / counts[name] for name in shares).backward()
            means = {name: means[name] + float(sums[name].detach()) / counts[name] for name in shares}
    return means


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
    places = [(row, at) for row, item in enumerate(batch) for at in item.text_at]
    numbers, positions = ([place[i] for place in places] for i in (0, 1))
    written = log_probabilities(model, states[numbers, positions])
    targets = torch.tensor([batch[row].ids[at + 1] for row, at in places], device=device)
    text = torch.nn.functional.nll_loss(written, targets, reduction="sum")
    return {"answer": answer, "digit": digit, "text": text}


def _schedule(step: int, steps: int) -> float:
    """Five steps up, then a cosine down to a tenth."""
    return min(1.0, (step + 1) / 5) * (0.1 + 0.45 * (1.0 + math.cos(math.pi * step / steps)))
