"""The recipe's section `[warmup]`: supervised fine-tuning."""

from __future__ import annotations

from pydantic import Field

from rbio_kg.training.config.section import Section


class WarmupSettings(Section):
    """Supervised fine-tuning (SFT) before GRPO: it trains the answer format and the probability of yes."""

    examples: int = Field(
        default=800, ge=0, description="training examples, one pass, in pairs about one gene; 0: no SFT"
    )
    batch_size: int = Field(default=16, ge=2, multiple_of=2, description="training examples a step")
    learning_rate: float = Field(
        default=1e-3, gt=0, le=0.1, description="peak of the cosine; full training needs about 5e-5"
    )
    rank: int = Field(default=16, ge=1, description="LoRA rank")
    top_layers: int | None = Field(
        default=15, ge=1, description="number of last layers with LoRA; all where the model has fewer"
    )
    think_share: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="share of pairs with reasoning; the others answer at once, as the likelihood score reads it",
    )
    digit_weight: float = Field(default=0.5, ge=0, description="weight of the loss at the confidence digit")
    text_weight: float = Field(default=1.0, ge=0, description="weight of the loss of the other tokens")
