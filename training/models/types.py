"""Types that the other modules of this package share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model with its tokenizer; `path` is where it was loaded from (folder or hub id)."""

    model: Any
    tokenizer: Any
    path: str
