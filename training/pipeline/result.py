"""What a training reports at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

_DRY_RUN_KEYS = ("run", "steps", "resumed_from", "dry_run", "questions")


@dataclass(frozen=True)
class FirstLast:
    """A value in the first and in the last GRPO step; None where there was no step or it was not logged."""

    first: float | None = None
    last: float | None = None

    @classmethod
    def of(cls, steps: Sequence[Mapping[str, Any]], key: str) -> Self:
        """The values under a key of the log's lines, one line per step.

        Example:
            >>> FirstLast.of([{"reward": 0.4}, {"reward": 0.5}], "reward")
            FirstLast(first=0.4, last=0.5)
        """
        return cls(steps[0].get(key), steps[-1].get(key)) if steps else cls()


@dataclass(frozen=True)
class TrainingResult:
    """The result of `train_policy`. Its JSON form is what `rbio-kg train policy --json` prints.

    Args:
        run: name of the run.
        questions: number of questions by use (see `TrainingPlan.counts`).
        steps: GRPO steps made.
        resumed_from: `stage` (`warmup` or `grpo`) and `step` from which training went on; None: from the beginning.
        dry_run: everything was checked, nothing was trained.
        reused: the run was finished before, and this is its result.
        reward: mean reward of a step.
        parts: mean of each part of the reward, by name.
        alarms: alarms raised by GRPO.
        warmup: losses and seconds of SFT (see `SftHistory.to_json`); None without SFT.
        before: evaluation of the untrained model (see `rbio_kg.training.evaluation.policy.evaluate`).
        after_warmup: evaluation after SFT; None without SFT.
        after: evaluation after GRPO.
        seconds: time by stage; stages that were finished before are absent.
        simulated: whether any train label comes from a model instead of a laboratory.
    """

    run: str
    questions: Mapping[str, Any]
    steps: int = 0
    resumed_from: Mapping[str, Any] | None = None
    dry_run: bool = False
    reused: bool = False
    reward: FirstLast = FirstLast()
    parts: Mapping[str, FirstLast] = field(default_factory=dict)
    alarms: Sequence[Mapping[str, Any]] = ()
    warmup: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None
    after_warmup: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    simulated: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON; a dry run has `run`, `steps`, `resumed_from`, `dry_run` and `questions` alone."""
        found = asdict(self)
        if self.dry_run:
            return {key: found[key] for key in _DRY_RUN_KEYS}
        del found["dry_run"]
        return {**found, "alarms": list(found["alarms"])}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown keys are ignored."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        known["reward"] = FirstLast(**known.get("reward", {}))
        known["parts"] = {name: FirstLast(**values) for name, values in known.get("parts", {}).items()}
        return cls(**known)
