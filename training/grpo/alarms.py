"""Alarms: signs, raised while GRPO runs, that a policy collapses or exploits its reward.

Every figure is a mean over the last `window` steps, so that one noisy step raises nothing. An alarm is raised when its
condition begins to hold, and again only after it has ceased to hold in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rbio_kg.training.rewards.trl import part_of

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import AlarmSettings


UNREAD = 0.5
"""From this share of unparsed completions on, they are the reason that groups have no spread."""


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Args:
        step: GRPO step at which it was raised.
        name: `entropy`, `yes_drift`, `zero_spread`, `length_drift` or `held_out`.
        value: the figure.
        threshold: the setting that it passed.
        message: one sentence for people.
    """

    step: int
    name: str
    value: float
    threshold: float
    message: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class Alarms:
    """Takes the records of the steps, in their order, and returns the alarms that each raises.

    A step's record is its line in the log: TRL's `entropy` (nats a token), `frac_reward_zero_std`,
    `completions/mean_length` (tokens) and `rewards/PART/mean`, and the rollouts' `unparsed` (share that could not be
    read), `yes_share` (of the others) and `verifiers_mean` (mean probability that the claims hold); what a record lacks
    raises nothing.
    """

    def __init__(self, settings: AlarmSettings) -> None:
        self.settings = settings
        self._records: list[Mapping[str, Any]] = []
        self._held_out: list[tuple[int, float]] = []
        self._raised: set[str] = set()

    def update(self, record: Mapping[str, Any]) -> list[Alarm]:
        """The alarms that one more step raises."""
        self._records.append(record)
        if len(self._records) < self.settings.window:
            return []
        step = int(record["step"])
        return self._new([self._entropy(step), self._yes(step), self._spread(step), self._length(step)])

    def update_validation(self, step: int, held_out: float) -> list[Alarm]:
        """The alarms that a held-out score (mean log-likelihood, nats a question) raises; step 0 is before training."""
        self._held_out.append((step, held_out))
        return self._new([self._gaming(step)])

    def _new(self, found: Sequence[tuple[str, Alarm | None]]) -> list[Alarm]:
        """Of the conditions that were checked, those that hold and did not hold before."""
        holding = {name for name, alarm in found if alarm is not None}
        new = [alarm for name, alarm in found if alarm is not None and name not in self._raised]
        self._raised = (self._raised - {name for name, _ in found}) | holding
        return new

    def _entropy(self, step: int) -> tuple[str, Alarm | None]:
        name, least, value = "entropy", self.settings.entropy, self._recent("entropy")
        if value is None or value >= least:
            return name, None
        return name, Alarm(step, name, value, least, f"entropy is {value:.3f} nats a token: sampling has collapsed")

    def _yes(self, step: int) -> tuple[str, Alarm | None]:
        name, most = "yes_drift", self.settings.yes_drift
        stated, expected = self._recent("yes_share"), self._recent("verifiers_mean")
        if not most or stated is None or expected is None or abs(stated - expected) <= most:
            return name, None
        message = f"{stated:.0%} of the answers are yes, but the verifiers' mean probability is {expected:.2f}"
        return name, Alarm(step, name, abs(stated - expected), most, message)

    def _spread(self, step: int) -> tuple[str, Alarm | None]:
        name, most, value = "zero_spread", self.settings.zero_spread, self._recent("frac_reward_zero_std")
        if not most or value is None or value <= most:
            return name, None
        unread = self._recent("unparsed") or 0.0
        why = (
            f"{unread:.0%} of them could not be read (give more training examples: warmup.examples)"
            if unread > UNREAD
            else "little is left to learn from"
        )
        message = f"in {value:.0%} of the groups all completions had the same reward: {why}"
        return name, Alarm(step, name, value, most, message)

    def _length(self, step: int) -> tuple[str, Alarm | None]:
        name, most = "length_drift", self.settings.length_drift
        first, value = self._first("completions/mean_length"), self._recent("completions/mean_length")
        if not most or not first or not value or max(value / first, first / value) <= most:
            return name, None
        message = f"completions are {value:.0f} tokens long; at first they were {first:.0f}"
        return name, Alarm(step, name, max(value / first, first / value), most, message)

    def _gaming(self, step: int) -> tuple[str, Alarm | None]:
        name, most = "held_out", self.settings.held_out_fall
        best_step, best = max(self._held_out, key=lambda item: item[1])
        fall = best - self._held_out[-1][1]
        if not most or fall <= most:
            return name, None
        then = sum(record["step"] <= best_step for record in self._records)
        rises = {
            part: now - before
            for part in self._parts()
            if (now := self._recent(part)) is not None
            and (before := self._recent(part, then) if then else self._first(part)) is not None
        }
        part, rise = max(rises.items(), key=lambda item: item[1], default=("", 0.0))
        if not part or rise <= self.settings.part_rise:
            return name, None
        message = (
            f"the held-out log-likelihood fell by {fall:.3f} since step {best_step}, while the part {part_of(part)} of "
            f"the reward rose by {rise:.3f}"
        )
        return name, Alarm(step, name, fall, most, message)

    def _parts(self) -> list[str]:
        return sorted({key for record in self._records for key in record if part_of(key)})

    def _recent(self, key: str, upto: int | None = None) -> float | None:
        """Mean over the last `window` of the first `upto` records (all of them by default)."""
        return _mean(self._records[:upto][-self.settings.window :], key)

    def _first(self, key: str) -> float | None:
        return _mean(self._records[: self.settings.window], key)


def _mean(records: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [record[key] for record in records if record.get(key) is not None]
    return sum(values) / len(values) if values else None
