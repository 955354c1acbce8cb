"""How much a text lowers a language model's perplexity of a sentence."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from rbio_kg.core.errors import ModelError

LONGEST = 512
"""Number of tokens of a context, and of a sentence, that are read."""


class PerplexityGain:
    """1 - perplexity(sentence | context) / perplexity(sentence), at least 0: 0 where the context does not help.

    The perplexity is the exponential of the mean negative log-likelihood of the sentence's tokens under a causal
    language model. Sentences are scored one at a time, so that a score does not depend on a batch.

    Args:
        model: a folder in the Hugging Face layout, or a hub id.
    """

    def __init__(self, model: Path | str) -> None:
        self.model = str(model)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model}

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model)
            model = AutoModelForCausalLM.from_pretrained(self.model)
        except Exception as error:  # the readers raise whatever a missing or corrupt file leads to
            raise ModelError(
                f"the language model cannot be loaded ({type(error).__name__})",
                where=self.model,
                hint="give a folder that save_pretrained wrote, or a hub id",
            ) from error
        return tokenizer, model.float().eval()

    @lru_cache(maxsize=16_384)  # noqa: B019 - one verifier lives as long as its process, and the cache is not pickled
    def gain(self, context: str, opening: str, sentence: str) -> float:
        """How far `context` lowers the perplexity of `sentence`, 0 to 1; both are read after `opening`."""
        if not context:
            return 0.0
        without, given = self._loss("", opening, sentence), self._loss(context, opening, sentence)
        return max(0.0, 1.0 - math.exp(given - without))

    @lru_cache(maxsize=16_384)  # noqa: B019 - as above
    def _loss(self, context: str, opening: str, sentence: str) -> float:
        """Mean negative log-likelihood of the sentence's tokens in nats."""
        import torch

        tokenizer, model = self._loaded
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        before = tokenizer(f"{context} {opening}".strip(), add_special_tokens=False)["input_ids"][-LONGEST:]
        target = tokenizer(f" {sentence}", add_special_tokens=False)["input_ids"][:LONGEST]
        ids = torch.tensor([[start, *before, *target]])
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, len(before) : -1].double()
        found = torch.log_softmax(logits, dim=-1).gather(1, ids[0, len(before) + 1 :, None])
        return -float(found.mean())
