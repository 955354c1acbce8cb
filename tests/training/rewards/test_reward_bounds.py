"""Whatever a policy writes, the reward does not fail, and its memory and time are linear in the length of the text."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.exploits.mutations import fuzzed
from rbio_kg.training.exploits.suite import ExploitHarness
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.text.ontology_text import OntologyTextVerifier
from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier
from tests.support.named_graph import named_snapshot
from tests.support.table_verifiers import TableVerifier

LONG = 100_000
PAIRS = (("TP53", "SP1"), ("MYC", "ABCE1"), ("MDM2", "CDKN1A"), ("SP1", "MDM2"))
CLAIMS = [Claim(subject, "changes_expression_of", target, "k562") for subject, target in PAIRS]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> ExploitHarness:
    folder: Path = tmp_path_factory.mktemp("graph") / "snapshot"
    named_snapshot(folder)
    reward = ComposedReward(
        {
            "table": (TableVerifier(dict.fromkeys(PAIRS, 0.3)), 1.0),
            "ontology_text": (OntologyTextVerifier(folder), 1.0),
            "reasoning_trace": (ReasoningTraceVerifier(folder), 1.0),
        }
    )
    return ExploitHarness(reward, CLAIMS, Snapshot.open(folder))


FLOODS = {
    "letters": "x",
    "words": "word ",
    "sentences": "TP53 interacts with MDM2. ",
    "one long sentence": "TP53 and MDM2 and ",
    "denials": "not ",
    "lines": "\n",
    "brackets": "<",
    "stops": ".",
    "characters": "\U0001f9ec",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", FLOODS)
def test_a_hundred_thousand_characters_take_bounded_room(harness: ExploitHarness, name: str) -> None:
    piece = FLOODS[name]
    scenario = harness.scenarios[0]
    texts = [
        scenario.completion(think=piece * (LONG // len(piece))),
        piece * (LONG // len(piece)),
        scenario.completion() + piece * (LONG // len(piece)),
    ]
    harness.score([other.completion() for other in harness.scenarios])  # what is opened once is not the text's
    tracemalloc.start()
    scored = harness.score(texts, [0, 0, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [item.reward is not None for item in scored] == [True, True, True]
    assert peak < 400 * LONG, f"{peak / 1e6:.0f} MB for three texts of {LONG:,} characters"


@pytest.mark.timeout(60)
def test_a_prompt_may_be_as_long(harness: ExploitHarness) -> None:
    prompt = " ".join(f"word{i}" for i in range(LONG // 9))
    text = harness.scenarios[0].completion(think=prompt)
    scored = harness.reward.score_completions(CLAIMS[:1], [text], None, [prompt])[0]
    assert scored.scores["ontology_text"] is None, "a copy as a whole: nothing is left to read"


def test_fuzzed_completions_are_rewarded_between_0_and_1(harness: ExploitHarness) -> None:
    answered = 0
    batch: list[tuple[int, str]] = []
    for item in fuzzed(harness.scenarios, 4_000, seed=7):
        batch.append(item)
        if len(batch) == 100:
            for scored in harness.score([text for _, text in batch], [row for row, _ in batch]):
                assert scored.reward is not None and 0.0 <= scored.reward <= 1.0
                assert (scored.answer is None) == (scored.reward == 0.0)
                answered += scored.answer is not None
            batch = []
    assert 400 < answered < 3_900, "some are well-formed, some are not"


def test_fuzzing_is_seeded_and_varied(harness: ExploitHarness) -> None:
    once = list(fuzzed(harness.scenarios, 300, seed=1))
    assert once == list(fuzzed(harness.scenarios, 300, seed=1))
    assert once != list(fuzzed(harness.scenarios, 300, seed=2))
    assert len({text for _, text in once}) > 250
