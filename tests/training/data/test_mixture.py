"""The pool of a recipe: shares of the families, never a row that the split scheme holds out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.claims import Relation
from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.data.graph_questions import available
from rbio_kg.training.data.mixture import family_questions, held_out_rows, question_pool, scored_relations, with_rates
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.data.question_table import as_made, write_made_questions
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.base.verifier import Card
from tests.support.random_graph import random_snapshot
from tests.support.small_run import small_recipe
from tests.support.table_verifiers import TableVerifier, VowelVerifier
from tests.support.toy_knockdowns import ToyFacts, question_frame

BENCHMARK = QuestionSet(question_frame())


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return random_snapshot(tmp_path_factory.mktemp("random"))


def pool(snapshot: Snapshot | None, **changed: Any) -> QuestionSet:
    changes = {f"questions.{name}": value for name, value in changed.items()}
    return question_pool(BENCHMARK, small_recipe(Path("unused"), **changes), snapshot=snapshot)


def test_a_plain_recipe_trains_on_the_benchmark() -> None:
    assert pool(None).frame.equals(BENCHMARK.frame)


@pytest.mark.parametrize("family", ["de", "functional", "regulation", "membership"])
def test_families_come_in_pairs_of_yes_and_no(snapshot: Snapshot, family: str) -> None:
    made = family_questions(BENCHMARK, family, rows=40, seed=0, snapshot=snapshot).frame
    assert set(made["label"][::2]) == {1}
    assert set(made["label"][1::2]) == {0}
    assert family != "de" or set(made["split"]) == {"train"}


@pytest.mark.parametrize("shares", ["data", "equal"])
def test_families_are_mixed_by_share(snapshot: Snapshot, shares: str) -> None:
    rows = pool(snapshot, families=["functional", "membership"], shares=shares).training_rows()
    assert rows is not None
    counts = dict(rows.frame.group_by("task").len().rows())
    weights = {family: available(snapshot, family) if shares == "data" else 1 for family in counts}
    wanted = 48 + 16  # the small recipe's warm-up and GRPO
    for family, count in counts.items():
        assert count == pytest.approx(wanted * weights[family] / sum(weights.values()), abs=2)
    assert set(rows.frame["split"]) == {"train"}
    assert rows.frame["task"].head(16).n_unique() == 2  # mixed, not one family after the other


def test_the_benchmark_stays_next_to_the_training_rows(snapshot: Snapshot) -> None:
    found = pool(snapshot, families=["de", "functional"])
    assert found.benchmark().frame.select(BENCHMARK.frame.columns).equals(BENCHMARK.frame)


def test_templates_are_drawn_where_all_are_wanted(snapshot: Snapshot) -> None:
    first, every = (pool(snapshot, families=["de"], templates=how).training_rows() for how in ("first", "all"))
    assert first is not None
    assert every is not None
    assert all(text.startswith("Does losing") for text in first.texts())
    assert len({text.split()[0] for text in every.texts()}) == 3


def test_a_file_is_trained_on_instead(tmp_path: Path) -> None:
    file = tmp_path / "own.parquet"
    some = BENCHMARK.select(split="train").pairs(seed=5).limit(24, keep_pairs=True)
    write_made_questions(some, file)
    rows = pool(None, file=str(file)).training_rows()
    assert rows is not None
    assert sorted(rows.frame.select("pert", "gene").rows()) == sorted(some.frame.select("pert", "gene").rows())


def test_a_file_with_held_out_rows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "leak.parquet"
    leak = as_made(BENCHMARK.select(split="test").limit(3)).with_columns(split=pl.lit("train"))
    pl.concat([as_made(BENCHMARK.select(split="train").limit(20)), leak]).write_parquet(file)
    with pytest.raises(TrainingError, match="3 train rows are held out by the official split scheme"):
        pool(None, file=str(file))


def test_a_perturbation_is_held_out_as_a_whole() -> None:
    """A pair that the benchmark never measured, of a perturbation that it holds out, is a leak too."""
    held = BENCHMARK.select(split="test").frame["pert"][0]
    row = BENCHMARK.frame.head(1).with_columns(pert=pl.lit(held), gene=pl.lit("G9"), split=pl.lit("train"))
    recipe = small_recipe(Path("unused"))
    assert len(held_out_rows(row, BENCHMARK, recipe)) == 1
    elsewhere = row.with_columns(cell_line=pl.lit("other"))
    assert len(held_out_rows(elsewhere, BENCHMARK, recipe)) == 0
    everywhere = small_recipe(Path("unused"), **{"questions.split_scheme": "global"})
    assert len(held_out_rows(elsewhere, BENCHMARK, everywhere)) == 1
    left_out = small_recipe(Path("unused"), **{"questions.split_scheme": "leave-one-line-out"})
    own_line = row.with_columns(pert=pl.lit("NEW"))
    assert len(held_out_rows(own_line, BENCHMARK, left_out)) == 1


def test_no_question_is_of_a_held_out_perturbation(snapshot: Snapshot) -> None:
    held = set(BENCHMARK.select(split="test").frame["pert"])
    for seed in range(5):
        made = family_questions(BENCHMARK, "de", rows=100, seed=seed, snapshot=snapshot)
        assert not held & set(made.frame["pert"])


def test_rates_are_out_of_fold() -> None:
    some = with_rates(BENCHMARK.select(split="train").limit(12), ToyFacts())
    wanted = [ToyFacts().rate(claim) for claim in some.claims()]
    assert some.rates() == wanted


def test_what_is_impossible_is_reported(snapshot: Snapshot) -> None:
    with pytest.raises(TrainingError, match="unknown family of questions 'sign'"):
        family_questions(BENCHMARK, "sign", rows=10, seed=0)
    with pytest.raises(TrainingError, match="need the graph"):
        family_questions(BENCHMARK, "functional", rows=10, seed=0)
    with pytest.raises(EvaluationError, match="there are: de"):
        pool(snapshot, families=["dir"])


def test_only_what_a_verifier_scores_is_used(snapshot: Snapshot) -> None:
    class Unsigned(TableVerifier):
        """Knows whether, not how."""

        @property
        def card(self) -> Card:
            return replace(super().card, relations=frozenset({Relation.REGULATES}))

    reward = ComposedReward({"unsigned": (Unsigned({}), 1.0)})
    assert scored_relations(reward) == {Relation.REGULATES}
    recipe = small_recipe(Path("unused"), **{"questions.families": ["regulation"]})
    found = question_pool(BENCHMARK, recipe, snapshot=snapshot, relations=scored_relations(reward)).training_rows()
    assert found is not None
    assert set(found.frame["relation"]) == {"regulates"}
    recipe = small_recipe(Path("unused"), **{"questions.families": ["functional"]})
    with pytest.raises(TrainingError, match="no verifier scores questions of the family 'functional'"):
        question_pool(BENCHMARK, recipe, snapshot=snapshot, relations=scored_relations(reward))
    both = ComposedReward(
        {"unsigned": (Unsigned({}), 1.0), "table": (TableVerifier({}), 1.0)},
        verifiers_by_family={"regulation": ["unsigned"]},
    )
    assert scored_relations(both) == set(Relation) - {Relation.ACTIVATES, Relation.REPRESSES}
    # Where the claim verifier abstains, a text verifier counts only if it is drawn alone.
    mixed = {"unsigned": (Unsigned({}), 1.0), "vowels": (VowelVerifier(), 1.0)}
    assert scored_relations(ComposedReward(mixed)) == {Relation.REGULATES}
    assert scored_relations(ComposedReward(mixed, assignment="one_per_row")) == set(Relation)
