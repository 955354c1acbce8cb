"""Alarms: each is raised by its sign and by nothing else, once, and can be switched off."""

from __future__ import annotations

from typing import Any

import pytest

from rbio_kg.training.config.recipe import AlarmSettings
from rbio_kg.training.grpo.alarms import Alarm, Alarms

HEALTHY = {
    "entropy": 1.0,
    "frac_reward_zero_std": 0.2,
    "completions/mean_length": 30.0,
    "yes_share": 0.5,
    "verifiers_mean": 0.45,
    "rewards/composed_reward/mean": 0.5,
    "rewards/answer/mean": 0.5,
    "rewards/format/mean": 0.9,
}


def run(changes: dict[str, Any], *, steps: int = 12, since: int = 6, **settings: Any) -> list[Alarm]:
    """Steps that are healthy at first and changed from step `since` on."""
    alarms = Alarms(AlarmSettings(window=3, **settings))
    found = []
    for step in range(1, steps + 1):
        found += alarms.update({"step": step, **HEALTHY, **(changes if step >= since else {})})
    return found


def test_a_healthy_training_raises_nothing() -> None:
    assert run({}) == []


@pytest.mark.parametrize(
    ("name", "changes", "step", "message"),
    [
        ("entropy", {"entropy": 0.0}, 8, "entropy is 0.000 nats a token: sampling has collapsed"),
        ("yes_drift", {"yes_share": 0.0}, 8, "0% of the answers are yes, but the verifiers' mean probability is 0.45"),
        ("yes_drift", {"yes_share": 1.0}, 7, "83% of the answers are yes"),
        ("zero_spread", {"frac_reward_zero_std": 1.0}, 8, "had the same reward: little is left to learn from"),
        (
            "zero_spread",
            {"frac_reward_zero_std": 1.0, "unparsed": 1.0},
            8,
            "of them could not be read (give more training examples",
        ),
        ("length_drift", {"completions/mean_length": 6.0}, 7, "completions are 14 tokens long; at first they were 30"),
        ("length_drift", {"completions/mean_length": 90.0}, 7, "completions are 70 tokens long; at first they were 30"),
    ],
)
def test_each_sign_raises_its_alarm_once(name: str, changes: dict[str, Any], step: int, message: str) -> None:
    (alarm,) = run(changes)
    assert (alarm.name, alarm.step) == (name, step)
    assert message in alarm.message


@pytest.mark.parametrize(
    ("threshold", "changes"),
    [
        ("entropy", {"entropy": 0.0}),
        ("yes_drift", {"yes_share": 0.0}),
        ("zero_spread", {"frac_reward_zero_std": 1.0}),
        ("length_drift", {"completions/mean_length": 400.0}),
    ],
)
def test_a_threshold_of_0_switches_its_alarm_off(threshold: str, changes: dict[str, Any]) -> None:
    assert [alarm.name for alarm in run(changes)] == [threshold]
    assert run(changes, **{threshold: 0.0}) == []


def test_one_noisy_step_raises_nothing() -> None:
    alarms = Alarms(AlarmSettings(window=5))
    for step in range(1, 11):
        entropy = 0.0 if step == 7 else 1.0
        assert alarms.update({"step": step, **HEALTHY, "entropy": entropy}) == []


def test_an_alarm_is_raised_again_after_it_has_ceased() -> None:
    alarms = Alarms(AlarmSettings(window=1))
    entropies = [1.0, 0.0, 0.0, 1.0, 0.0]
    found = [
        alarms.update({"step": step, **HEALTHY, "entropy": value}) for step, value in enumerate(entropies, start=1)
    ]
    assert [len(alarms) for alarms in found] == [0, 1, 0, 0, 1]


def test_what_was_not_logged_raises_nothing() -> None:
    alarms = Alarms(AlarmSettings(window=1))
    for step in range(1, 4):
        assert alarms.update({"step": step, "entropy": None}) == []


def gamed(answer: float, scores: list[float], **settings: Any) -> list[Alarm]:
    """A part that goes to `answer` after step 3, and held-out scores at steps 0, 3 and 6."""
    alarms = Alarms(AlarmSettings(window=2, **settings))
    found = list(alarms.update_validation(0, scores[0]))
    for step in range(1, 7):
        now = answer if step > 3 else 0.5
        found += alarms.update({"step": step, **HEALTHY, "rewards/answer/mean": now})
        if step % 3 == 0:
            found += alarms.update_validation(step, scores[step // 3])
    return found


def test_a_part_that_rises_while_the_held_out_score_falls() -> None:
    (alarm,) = gamed(0.8, [-0.7, -0.6, -0.9])
    assert (alarm.name, alarm.step) == ("held_out", 6)
    assert alarm.value == pytest.approx(0.3)
    assert "fell by 0.300 since step 3" in alarm.message
    assert "the part answer of the reward rose by 0.300" in alarm.message


@pytest.mark.parametrize(
    ("answer", "scores", "settings"),
    [
        (0.8, [-0.7, -0.6, -0.6], {}),  # the score does not fall
        (0.5, [-0.7, -0.6, -0.9], {}),  # no part rises
        (0.8, [-0.7, -0.6, -0.62], {}),  # it hardly falls
        (0.8, [-0.7, -0.6, -0.9], {"held_out_fall": 0.0}),
        (0.8, [-0.7, -0.6, -0.9], {"part_rise": 0.5}),
    ],
)
def test_either_alone_is_no_alarm(answer: float, scores: list[float], settings: dict[str, Any]) -> None:
    assert gamed(answer, scores, **settings) == []


def test_a_fall_from_the_beginning_is_measured_against_the_first_steps() -> None:
    alarms = Alarms(AlarmSettings(window=2))
    assert alarms.update_validation(0, -0.5) == []
    for step in range(1, 6):
        alarms.update({"step": step, **HEALTHY, "rewards/format/mean": 0.1 * step})
    (alarm,) = alarms.update_validation(5, -0.8)
    assert "since step 0" in alarm.message
    assert "the part format" in alarm.message


def test_an_alarm_as_json() -> None:
    (alarm,) = run({"entropy": 0.0})
    assert set(alarm.to_json()) == {"step", "name", "value", "threshold", "message"}
