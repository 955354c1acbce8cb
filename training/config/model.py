"""The recipe's section `[model]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rbio_kg.training.config.section import Section

Method = Literal["lora", "full"]


class ModelSettings(Section):
    """The language model."""

    name: str = Field(default="smollm2", description="smollm2 (bundled), a folder, a GGUF file or a hub id")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="auto: bfloat16 where the hardware multiplies it, else float32; full training needs float32",
    )
    method: Method = Field(default="lora", description="lora: small adapters; full: all weights")

    @property
    def weights(self) -> Literal["auto", "float32", "bfloat16"]:
        """The precision that is loaded."""
        return "float32" if self.method == "full" else self.precision
