"""The recipe's section `[evaluation]`."""

from __future__ import annotations

from pydantic import Field

from rbio_kg.training.config.section import Section


class EvaluationSettings(Section):
    """The evaluation before SFT, after SFT and after GRPO, on test questions. A gene comes with all its questions."""

    rows: int = Field(default=400, ge=2, description="about this number of questions are scored by likelihood")
    vote_rows: int = Field(default=16, ge=0, description="about this number of them are answered by sampling; 0: none")
    samples: int = Field(default=2, ge=1, description="sampled answers a question")
    batch_size: int = Field(default=32, ge=1, description="prompts scored at once")
