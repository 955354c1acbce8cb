"""A step of the trainer without one readable completion is reported once, with what to do."""

from __future__ import annotations

import logging
import re

import pytest

from rbio_kg.training.prompts.messages import INSTRUCTION, system_messages
from rbio_kg.training.prompts.parser import parse_completion
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.table_verifiers import TableVerifier

GOOD = "<think>So.</think><answer>yes 8</answer>"
COLUMNS = {
    "subject": ["A"] * 4,
    "relation": ["changes_expression_of"] * 4,
    "object": ["B"] * 4,
    "cell_line": ["k562"] * 4,
}


def warnings_of(caplog: pytest.LogCaptureFixture, *steps: list[str]) -> list[str]:
    """The warnings of a reward that scores these steps, by each of its functions."""
    reward = ComposedReward({"table": (TableVerifier({("A", "B"): 0.8}), 1.0)})
    with caplog.at_level(logging.WARNING, logger="rbio_kg"):
        for completions in steps:
            for function in reward.functions:
                function(prompts=["Does losing A change B?"] * 4, completions=completions, **COLUMNS)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("text", ["", "Yes.", "<answer>yes 8</answer>", "<think>So.</think><answer>perhaps</answer>"])
def test_one_warning_says_what_to_do(caplog: pytest.LogCaptureFixture, text: str) -> None:
    (warning,) = warnings_of(caplog, [text] * 4, [text + " "] * 4)
    assert "none of the 4 completions" in warning
    assert 'to_dataset(system="default")' in warning
    assert "export-model" in warning


@pytest.mark.parametrize("good", range(1, 5))
def test_no_warning_where_one_can_be_read(caplog: pytest.LogCaptureFixture, good: int) -> None:
    assert not warnings_of(caplog, [GOOD] * good + ["perhaps"] * (4 - good))


def test_the_instruction_shows_a_format_that_can_be_read() -> None:
    assert system_messages("default") == [{"role": "system", "content": INSTRUCTION}]
    assert system_messages("") == []
    assert system_messages("Be brief.")[0]["content"] == "Be brief."
    example = re.search(r"<think>.*</answer>", INSTRUCTION)
    assert example is not None
    parsed = parse_completion(example.group(), require_confidence=True)
    assert (parsed.problem, parsed.answer, parsed.confidence) == (None, "yes", 0.7)
