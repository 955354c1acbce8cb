"""The recipe of a policy run: every setting, its range and what it does; read from TOML.

Each section has a module of its own in this package.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.config.acceleration import AccelerationSettings
from rbio_kg.training.config.alarms import AlarmSettings
from rbio_kg.training.config.evaluation import EvaluationSettings
from rbio_kg.training.config.grpo import GrpoSettings
from rbio_kg.training.config.model import Method, ModelSettings
from rbio_kg.training.config.questions import DEFAULT_CELL_LINE, Family, QuestionSettings
from rbio_kg.training.config.reward import RewardSettings
from rbio_kg.training.config.section import Section
from rbio_kg.training.config.warmup import WarmupSettings

__all__ = [
    "DEFAULT_CELL_LINE",
    "AccelerationSettings",
    "AlarmSettings",
    "EvaluationSettings",
    "Family",
    "GrpoSettings",
    "Method",
    "ModelSettings",
    "PolicyConfig",
    "QuestionSettings",
    "RewardSettings",
    "WarmupSettings",
]


class PolicyConfig(Section):
    """A recipe: the settings of one training of a policy. Unknown names and values out of range are errors.

    Example:
        >>> recipe = PolicyConfig.make({"grpo": {"steps": 20}}, **{"questions.prompt": "closed"})
        >>> recipe.grpo.steps, recipe.questions.prompt, recipe.reward.scoring
        (20, 'closed', 'brier')
    """

    seed: int = Field(default=0, ge=0, description="seed of everything that is random")
    model: ModelSettings = ModelSettings()
    questions: QuestionSettings = QuestionSettings()
    warmup: WarmupSettings = WarmupSettings()
    grpo: GrpoSettings = GrpoSettings()
    reward: RewardSettings = RewardSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    alarms: AlarmSettings = AlarmSettings()
    acceleration: AccelerationSettings = AccelerationSettings()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.grpo.scale_rewards == "group" and self.reward.share_weight:
            raise ValueError("grpo.scale_rewards = 'group' cannot go with a reward.share_weight; use 'none'")
        if self.grpo.scale_rewards == "group" and self.reward.scoring != "linear":
            raise ValueError(
                f"grpo.scale_rewards = 'group' cannot go with reward.scoring = {self.reward.scoring!r}: "
                "it keeps only the sign and makes stated probabilities collapse; use 'none'"
            )
        if self.reward.share_weight and self.grpo.generations < 3:
            raise ValueError("a reward.share_weight needs grpo.generations of 3 or more: a yes, a no, and others")
        if self.model.method == "full" and self.model.precision == "bfloat16":
            raise ValueError("model.method = 'full' needs model.precision = 'float32': bfloat16 rounds updates away")
        return self

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Self:
        """A recipe from a TOML file.

        Args:
            path: the file.
            changes: dotted settings that override the file, such as `{"grpo.steps": 3}`; None counts as not given.

        Raises:
            ConfigError: the file is missing or no TOML, or a setting is unknown or out of range.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise ConfigError("there is no such recipe", where=path, hint="give a TOML file with --config") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the recipe cannot be read ({error})", where=path, hint="correct the file") from error
        return cls.make(values, where=str(path), **changes)

    @classmethod
    def make(cls, values: dict[str, Any] | None = None, *, where: str = "recipe", **changes: Any) -> Self:
        """A recipe from nested values; settings that are missing have their defaults.

        Args:
            values: section to setting to value.
            where: what error messages call the values' origin.
            changes: see `read`.

        Raises:
            ConfigError: a setting is unknown or out of range.
        """
        merged = {key: dict(value) if isinstance(value, dict) else value for key, value in (values or {}).items()}
        for name, value in changes.items():
            if value is not None:
                section, _, field = name.rpartition(".")
                (merged.setdefault(section, {}) if section else merged)[field] = value
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "recipe"
            raise ConfigError(
                f"{name}: {first['msg']}", where=where, hint="docs/reference/recipe.md lists every setting"
            ) from None
