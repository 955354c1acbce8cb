"""One default reward: `explain`, `ComposedReward`, `Workspace.reward` and recipes pool claim verifiers alike."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.views.view import GraphView
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.config.shipped import DEFAULT, find_recipe, recipe_names
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.pooling import DEFAULT_POOLING, DEFAULT_WEIGHTS, pool
from rbio_kg.workspace import Workspace
from tests.support.table_verifiers import TableVerifier

CLAIM = Claim("AAA", "changes_expression_of", "BBB", "k562")
SCORES = {"graph_path": 0.95, "link_predictor": 0.95, "expression": 0.02}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose claim verifiers know one claim; every other verifier abstains."""
    known = {name: TableVerifier({("AAA", "BBB"): score}) for name, score in SCORES.items()}
    for name, verifier in known.items():
        verifier.name = name
    monkeypatch.setattr(Workspace, "verifier", lambda self, name: known.get(name, TableVerifier({})))
    rows = [(gene, gene, "approved") for gene in ("AAA", "BBB")]
    tables = GraphTables({"names": pl.DataFrame(rows, schema=TABLE_SCHEMAS["names"], orient="row")})
    monkeypatch.setattr(Workspace, "tables", tables)
    monkeypatch.setattr(Workspace, "graph", GraphView(tables))
    return Workspace(tmp_path)


def pooled_by(reward: ComposedReward) -> float | None:
    return reward.score_completions([CLAIM], ["<think>so</think><answer>no 9</answer>"])[0].v


def test_all_interfaces_pool_one_claim_to_the_same_probability(workspace: Workspace) -> None:
    expected, _ = pool([[score] for score in SCORES.values()], [DEFAULT_WEIGHTS[name] for name in SCORES])
    members = {name: (workspace.verifier(name), weight) for name, weight in DEFAULT_WEIGHTS.items()}
    recipe = PolicyConfig().reward
    found = {
        "explain": workspace.explain(CLAIM).composed,
        "ComposedReward": pooled_by(ComposedReward(members)),
        "Workspace.reward": pooled_by(workspace.reward()),
        "a recipe": pooled_by(workspace.reward(recipe.verifiers, **recipe.options())),
        "the shipped default recipe": pooled_by(
            workspace.reward(PolicyConfig.read(find_recipe(DEFAULT)).reward.verifiers)
        ),
    }
    assert found == pytest.approx(dict.fromkeys(found, float(expected[0])), abs=1e-9)


def test_all_interfaces_have_the_same_default(workspace: Workspace) -> None:
    recipe, shipped = PolicyConfig().reward, PolicyConfig.read(find_recipe(DEFAULT)).reward
    assert recipe.pooling == shipped.pooling == DEFAULT_POOLING
    assert recipe.verifiers == shipped.verifiers == DEFAULT_WEIGHTS
    assert workspace.reward().describe()["pooling"] == DEFAULT_POOLING
    assert workspace.reward().describe()["verifiers"] == DEFAULT_WEIGHTS


@pytest.mark.parametrize("name", [name for name in recipe_names() if name not in (DEFAULT, "vcm")])
def test_recipes_of_the_paper_state_their_pooling(name: str) -> None:
    assert PolicyConfig.read(find_recipe(name)).reward.model_dump(exclude_unset=True)["pooling"] == "mean"
