"""The held-out score: what a policy in training thinks of train questions that it is never trained on.

The reward curve of a small run is noise, and a policy can earn more while it knows less. So now and then a few pairs of
held-out train questions (never test questions) are read, with one forward pass each: the probability that the policy
states where the rule pays for that, that of yes against no where it pays for the answer alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rbio_kg.training.config.recipe import QuestionSettings
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.models.decoding import likelihood
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import prompt_text

BATCH = 32


@dataclass(frozen=True)
class ValidationScore:
    """Questions, where they come in pairs with both labels side by side.

    Args:
        messages: the prompts, (n,).
        labels: 1 where yes is right, else 0, (n,).
        as_stated: read what is stated (see `answers.Likelihood`), not yes against no.
    """

    messages: list[list[dict[str, str]]]
    labels: list[int]
    as_stated: bool

    @classmethod
    def of(cls, questions: QuestionSet, asked: QuestionSettings, *, as_stated: bool = False) -> ValidationScore:
        """The score on these questions, asked as the recipe asks."""
        return cls(questions.prompts(asked.prompt, asked.system), questions.frame["label"].to_list(), as_stated)

    def measure(self, model: Any, tokenizer: Any) -> dict[str, float]:
        """Score a model in training, without touching its random state.

        Returns:
            `held_out/log_likelihood`: mean of ln P(the measured answer), nats, at most 0 (a coin: -0.693);
            `held_out/pair_accuracy`: share of pairs whose right order is found, ties half, 0 to 1
            (0.5 where no pair has both labels);
            `held_out/mean_probability`: mean probability of yes, 0 to 1.
        """
        was_training = model.training
        try:
            prompts = [prompt_text(tokenizer, item) for item in self.messages]
            read = likelihood(
                LanguageModel(model, tokenizer, ""), prompts, batch_size=BATCH, progress=lambda message, share: None
            )
        finally:
            model.train(was_training)
        labels, yes = np.array(self.labels), read.stated if self.as_stated else read.probability
        right = np.where(labels == 1, yes, 1.0 - yes)
        first, second = yes[0::2], yes[1::2]
        differ = labels[0::2] != labels[1::2]
        order = np.where(labels[0::2] > labels[1::2], np.sign(first - second), np.sign(second - first))[differ]
        return {
            "held_out/log_likelihood": float(np.log(np.clip(right, 1e-6, 1.0)).mean()),
            "held_out/pair_accuracy": float((0.5 + 0.5 * order).mean()) if len(order) else 0.5,
            "held_out/mean_probability": float(yes.mean()),
        }
