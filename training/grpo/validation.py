"""The validation score: the likelihood of train questions that are held out of the training.

The reward curve of a small run is noise, and the reward can rise while the policy gets worse. So a few pairs of
held-out train questions (never test questions) are scored now and then, with one forward pass each. The score reads the
stated probability where the scoring rule rewards it. Where only the answer is rewarded, it reads yes against no.
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
    """The score on questions in pairs, a yes and a no about one gene side by side.

    Args:
        messages: the prompts, (n,).
        labels: 1 where yes is right, else 0, (n,).
        as_stated: read the stated probability (see `decoding.Likelihood`), not yes against no.
    """

    messages: list[list[dict[str, str]]]
    labels: list[int]
    as_stated: bool

    @classmethod
    def of(cls, questions: QuestionSet, settings: QuestionSettings, *, as_stated: bool = False) -> ValidationScore:
        """The score on these questions, with the prompts of the recipe."""
        return cls(questions.prompts(settings.prompt, settings.system), questions.frame["label"].to_list(), as_stated)

    def measure(self, model: Any, tokenizer: Any) -> dict[str, float]:
        """Score a model in training, without touching its random state.

        Returns:
            `held_out/log_likelihood`: mean of ln P(the measured answer), nats, at most 0 (-0.693 at
            a probability of 0.5);
            `held_out/pair_accuracy`: share of pairs in the right order, ties count half, 0 to 1
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
