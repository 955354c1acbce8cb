"""The base class of a recipe's sections."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen group of settings. Unknown names and values out of range are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
