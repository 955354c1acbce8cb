"""Does the reasoning matter: exchanged and cut reasonings, reversed facts, on models that heed them or do not."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import QuestionSettings
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation import reasoning as reasoning_evaluation
from rbio_kg.training.evaluation.reasoning import Writer, derangement, evaluate_reasoning, first_half
from rbio_kg.training.models.decoding import Likelihood
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.facts import FactBook
from tests.support.small_run import small_reward
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, ToyFacts, question_frame, toy_questions

pytestmark = pytest.mark.precision

TRAIN = question_frame().filter(question_frame()["split"] == "train")
TOKENIZER = tiny_tokenizer()
POLICY = LanguageModel(tiny_model(TOKENIZER), TOKENIZER, "tiny")


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=40), st.integers(0, 5))
def test_every_row_gets_anothers_and_another_genes_where_that_can_be(genes: list[str], seed: int) -> None:
    found = derangement(genes, seed)
    assert sorted(found) == list(range(len(genes)))
    assert found == derangement(genes, seed)
    if len(genes) > 1:
        assert all(row != other for row, other in enumerate(found))
    same = sum(genes[row] == genes[other] for row, other in enumerate(found))
    # Rows of a gene that has more than half of them cannot all go elsewhere.
    assert same == max(0, 2 * max(Counter(genes).values()) - len(genes))


@given(st.lists(st.text("ab", min_size=1), max_size=9))
def test_the_first_half_is_half_of_the_words(words: list[str]) -> None:
    assert first_half("  ".join(words)).split() == words[: len(words) // 2]


def questions(*, open_book: bool = True) -> QuestionSet:
    chosen = toy_questions().select(split="test").complete_genes(rows=24)
    book = FactBook.fit(ToyFacts(), None, toy_questions().claims()[:40], 4, kinds=WITH_NEIGHBOURS)
    return chosen.with_facts(book) if open_book else chosen


def evaluated(asked: QuestionSet, checker: Any = None, **stages: LanguageModel) -> dict[str, Any]:
    models = {name: (lambda model=model: model) for name, model in (stages or {"after": POLICY}).items()}
    settings = QuestionSettings(prompt="closed" if asked.facts is None else "open")
    writer = Writer(settings, max_tokens=8, temperature=1.0, batch_size=8, seed=3, progress=silent)
    found = evaluate_reasoning(models, asked, writer, train=TRAIN, reward=small_reward(), checker=checker)
    json.dumps(found, allow_nan=False)
    return found


def test_an_untaught_model_end_to_end() -> None:
    found = evaluated(questions())
    assert found["rows"] >= 24
    assert set(found["readings"]) == {"own", "none", "half", "swapped", "reversed"}
    own = found["readings"]["own"]
    assert (own["mean_change"], own["flips"], own["lead"]["mean"]) == (0.0, 0.0, 0.0)
    assert own["rank_correlation"] == pytest.approx(1.0)
    for reading in found["readings"].values():
        assert 0 <= reading["mean_probability"] <= 1
        assert reading["lead"]["low"] <= reading["lead"]["mean"] <= reading["lead"]["high"]
    assert found["readings"]["reversed"]["mean_change"] > 0
    assert found["stated"]["unparsed_rate"] == 1.0
    assert found["stated"]["mean_q"] is found["stated"]["yes_share"] is found["stated"]["verifiers_mean"] is None
    assert found["statements"] == {"after": None}
    assert set(found["abstention"]) == {"own", "none", "gene_prior"}
    again = evaluated(questions())
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


def test_without_neighbours_in_the_prompt_nothing_can_be_reversed() -> None:
    assert evaluated(questions(open_book=False))["readings"]["reversed"] is None


def test_what_follows_from_the_reasoning_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that names the outcome in its reasoning and answers by that: the facts decide, through the text."""

    def write(model: Any, prompts: list[str], sampling: Any, **_: Any) -> list[list[str]]:
        found = []
        for prompt in prompts:
            reported = prompt.split("\nyes ")[1]
            yes = len(reported.split("\n")[0]) > 2 and not reported.startswith("none")
            found.append(
                [f"<think>{'it changes' if yes else 'it stays'}</think><answer>{'yes 8' if yes else 'no 9'}</answer>"]
            )
        return found

    def read(model: Any, prompts: list[str], reasonings: list[str], **_: Any) -> Likelihood:
        p = np.array([{"it changes": 0.8, "it stays": 0.1}.get(text, 0.3) for text in reasonings])
        return Likelihood(probability=p, stated=p, mass=np.ones(len(p)))

    monkeypatch.setattr(reasoning_evaluation, "sample", write)
    monkeypatch.setattr(reasoning_evaluation, "likelihood", read)
    checker = SimpleNamespace(
        check=lambda text: (
            [SimpleNamespace(verdict="supported"), SimpleNamespace(verdict="unknown")] if "changes" in text else []
        )
    )
    found = evaluated(questions(), checker, before=POLICY, after=POLICY)
    own, none, half, swapped, reversed_ = (
        found["readings"][name] for name in ("own", "none", "half", "swapped", "reversed")
    )
    assert own["per_gene_auroc"] > 0.7
    assert none["per_gene_auroc"] == half["per_gene_auroc"] == 0.5
    assert none["mean_probability"] == pytest.approx(0.3)
    assert none["lead"]["mean"] == pytest.approx(own["per_gene_auroc"] - 0.5)
    assert none["rank_correlation"] is None
    assert swapped["per_gene_auroc"] < own["per_gene_auroc"]
    assert reversed_["per_gene_auroc"] < 0.5
    assert reversed_["rank_correlation"] < 0
    assert reversed_["flips"] > 0.5
    stated = found["stated"]
    assert stated["unparsed_rate"] == 0.0
    assert stated["rows"] == found["rows"]
    share = stated["yes_share"]
    assert stated["mean_q"] == pytest.approx(0.8 * share + 0.1 * (1 - share))
    assert own["mean_probability"] == pytest.approx(stated["mean_q"])
    assert 0.15 < stated["verifiers_mean"] < 0.85
    said = found["statements"]["after"]
    assert found["statements"]["before"] == said
    assert said["statements"] == pytest.approx(2 * share * found["rows"])
    assert (said["supported"], said["contradicted"], said["unknown"]) == (0.5, 0.0, 0.5)
    assert found["abstention"]["own"]["area"] < found["abstention"]["none"]["area"]
