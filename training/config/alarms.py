"""The recipe's section `[alarms]`."""

from __future__ import annotations

from pydantic import Field

from rbio_kg.training.config.section import Section


class AlarmSettings(Section):
    """Thresholds of the alarms of GRPO; 0 switches an alarm off (see `rbio_kg.training.grpo.alarms`)."""

    window: int = Field(default=5, ge=1, description="steps that every figure is averaged over")
    entropy: float = Field(default=0.02, ge=0, description="least entropy, nats a token: below, sampling has collapsed")
    yes_drift: float = Field(
        default=0.3, ge=0, le=1, description="largest distance of the share of yes from the verifiers' mean probability"
    )
    zero_spread: float = Field(
        default=0.9, ge=0, le=1, description="largest share of groups whose completions all have the same reward"
    )
    length_drift: float = Field(
        default=2.0, ge=0, description="largest factor by which completions get longer, or shorter, than at first"
    )
    part_rise: float = Field(
        default=0.05, ge=0, description="rise of a part of the reward that counts while the validation score falls"
    )
    held_out_fall: float = Field(
        default=0.05, ge=0, description="fall of the held-out log-likelihood below its best, nats a question"
    )
    held_out_every: int = Field(default=5, ge=0, description="steps between validation scores; 0: none")
    held_out_questions: int = Field(
        default=64, ge=2, description="train questions held out of the training for the validation score, in pairs"
    )
