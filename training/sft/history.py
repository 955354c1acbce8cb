"""The losses of SFT, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class SftHistory:
    """Losses per step, in nats: at the answer, at the digit, of the other text; and the seconds of all steps."""

    answer: list[float] = field(default_factory=list)
    digit: list[float] = field(default_factory=list)
    text: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, losses: Mapping[str, float]) -> None:
        """Append the losses of one step, by name."""
        self.answer.append(losses["answer"])
        self.digit.append(losses["digit"])
        self.text.append(losses["text"])

    def to_json(self) -> dict[str, Any]:
        """Mean of the first and of the last tenth of each loss, the number of steps, and the seconds."""

        def ends(values: list[float]) -> dict[str, float | None]:
            width = max(1, len(values) // 10)
            return {
                "first": round(float(np.mean(values[:width])), 4) if values else None,
                "last": round(float(np.mean(values[-width:])), 4) if values else None,
            }

        return {
            "steps": len(self.answer),
            "answer_loss": ends(self.answer),
            "digit_loss": ends(self.digit),
            "text_loss": ends(self.text),
            "seconds": round(self.seconds, 1),
        }

    def lines(self) -> list[dict[str, Any]]:
        """One line per step for the run's log; `loss` is the loss at the answer."""
        return [
            {
                "phase": "warmup",
                "step": number,
                "loss": round(answer, 5),
                "digit": round(digit, 5),
                "text": round(text, 5),
            }
            for number, (answer, digit, text) in enumerate(
                zip(self.answer, self.digit, self.text, strict=True), start=1
            )
        ]
