"""Types that the other modules of this package share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model with its tokenizer.

    Args:
        model: a `transformers` causal language model, or a PEFT model of one.
        tokenizer: its tokenizer, with a chat template.
        path: the folder or hub id that it was loaded from.
    """

    model: Any
    tokenizer: Any
    path: str
