"""The exploit suite, and the search for new exploits, on the rewards of recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from rbio_kg.core.json_values import plain
from rbio_kg.core.progress import Progress
from rbio_kg.registry import VARIANTS, is_address
from rbio_kg.services.train import read_recipe, recipe_reward, training_questions

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.rewards.composed import ComposedReward


CLAIMS = 16
"""Default number of questions on which a reward is tried."""
_JSON_NAMES = {"reference": "honest", "gains": "pays"}
_FIELD_NAMES = {name: field for field, name in _JSON_NAMES.items()}


class _Row:
    """A flat record, some of whose fields have other names in JSON."""

    def to_json(self) -> dict[str, Any]:
        """The fields under their JSON names."""
        return _renamed(asdict(cast("Any", self)), _JSON_NAMES)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote."""
        return cls(**_renamed(document, _FIELD_NAMES))


@dataclass(frozen=True)
class ExploitOutcome(_Row):
    """An exploit's mean reward next to that of its reference answer.

    Args:
        name: of the exploit.
        kind: `form`, `reasoning` or `answer`: what it abuses.
        reward: mean over the questions, of the variant that gains most.
        reference: mean reward of the reference answers; `honest` in JSON.
        gains: whether the exploit gets more than the reference; `pays` in JSON.
        mean_gain: of all variants.
        variants: number of variants tried.
        variant: number of the one that gains most.
        example: its text where it gains, else None.
    """

    name: str
    kind: str
    reward: float
    reference: float
    gains: bool
    mean_gain: float
    variants: int
    variant: int
    example: str | None


@dataclass(frozen=True)
class PartSpread:
    """Whether a part of the reward gives a training signal; see `rbio_kg.training.rewards.result.variance_report`."""

    name: str
    constant_in_group: bool
    varying_groups: float | None
    scored: float


@dataclass(frozen=True)
class FoundExploit(_Row):
    """A completion with more reward than the reference answer, whose reward is `honest` in JSON."""

    claim: str
    completion: str
    reward: float
    reference: float


@dataclass(frozen=True)
class ExploitSearch:
    """What a search for exploits found.

    Args:
        steps: completions tried.
        seed: of the search.
        found: completions with more reward than the reference.
        best_gain: the highest of all; None where no completion had an answer.
        parsed: share of completions with an answer, 0 to 1.
    """

    steps: int
    seed: int
    found: tuple[FoundExploit, ...]
    best_gain: float | None
    parsed: float

    def to_json(self) -> dict[str, Any]:
        """The `search` of the document of `rewards check`."""
        return {**asdict(self), "found": [item.to_json() for item in self.found]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The search that `to_json` wrote."""
        return cls(**{**document, "found": tuple(FoundExploit.from_json(item) for item in document["found"])})


@dataclass(frozen=True)
class RewardCheck:
    """The exploit suite on one recipe's reward.

    Args:
        recipe: its file or name, or `default`.
        exploits: one row for each exploit.
        parts: one row for each part of the reward.
        claims: number of questions tried.
        search: the search for more exploits, if wanted.
    """

    recipe: str
    exploits: tuple[ExploitOutcome, ...]
    parts: tuple[PartSpread, ...]
    claims: int
    search: ExploitSearch | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `rewards check`; `search` only where one was made."""
        document = {
            "recipe": self.recipe,
            "exploits": [row.to_json() for row in self.exploits],
            "parts": [asdict(row) for row in self.parts],
            "claims": self.claims,
        }
        return document if self.search is None else {**document, "search": self.search.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The check that `to_json` wrote; further keys are left out."""
        return cls(
            recipe=document["recipe"],
            exploits=tuple(ExploitOutcome.from_json(row) for row in document["exploits"]),
            parts=tuple(PartSpread(**row) for row in document["parts"]),
            claims=document["claims"],
            search=ExploitSearch.from_json(document["search"]) if "search" in document else None,
        )


@dataclass(frozen=True)
class RecipeChecks:
    """The exploit suite on several recipes."""

    recipes: tuple[RewardCheck, ...]

    def to_json(self) -> dict[str, Any]:
        """The document of `rewards check --all-recipes`."""
        return {"recipes": [check.to_json() for check in self.recipes]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The checks that `to_json` wrote."""
        return cls(tuple(RewardCheck.from_json(check) for check in document["recipes"]))


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def check_reward(
    workspace: WorkspaceBase,
    progress: Progress,
    config: str | Path | None,
    *,
    claims: int = CLAIMS,
    search: int = 0,
    seed: int | None = None,
) -> RewardCheck:
    """The exploit suite on a recipe's reward, on train questions of the workspace; then `search` steps of search."""
    from rbio_kg.training.exploits.search import search_exploits
    from rbio_kg.training.exploits.suite import check_rewards

    recipe = read_recipe(workspace, config)
    reward = recipe_reward(workspace, recipe)
    questions = _questions(workspace, recipe, reward, claims)
    options: dict[str, Any] = {
        "snapshot": workspace.snapshot,
        "gene_prior": _priors(workspace, recipe, questions),
        "progress": progress,
    }
    document = check_rewards(reward, questions.claims(), **options)
    if search:
        seed = recipe.seed if seed is None else seed
        document["search"] = search_exploits(reward, questions.claims(), steps=search, seed=seed, **options)
    return RewardCheck.from_json({"recipe": str(config) if config else "default", **plain(document)})


def check_recipes(workspace: WorkspaceBase, progress: Progress, recipes: Sequence[str], **options: Any) -> RecipeChecks:
    """`check_reward` on several recipes; a recipe whose verifiers are not fitted here is an error.

    A recipe with a table verifier that was not added here is left out.
    """
    checks = []
    for name in recipes:
        absent = [
            verifier
            for verifier in read_recipe(workspace, name).reward.verifiers
            if verifier not in {*workspace.verifier_names(), *VARIANTS} and not is_address(verifier)
        ]
        if absent:
            progress(f"rewards: recipe {name} is left out: {', '.join(absent)} was not added here", None)
            continue
        progress(f"rewards: recipe {name}", None)
        checks.append(check_reward(workspace, progress, name, **options))
    return RecipeChecks(tuple(checks))


def _questions(workspace: WorkspaceBase, recipe: PolicyConfig, reward: ComposedReward, rows: int) -> QuestionSet:
    """Train questions of the recipe."""
    settings = recipe.questions
    pool = training_questions(workspace, recipe, reward)
    chosen = pool.training_rows()
    if chosen is None:
        line = None if settings.split_scheme == "leave-one-line-out" else settings.cell_line
        chosen = pool.select(split="train", cell_line=line, task=settings.task)
    return chosen.limit(rows, seed=recipe.seed)


def _priors(workspace: WorkspaceBase, recipe: PolicyConfig, questions: QuestionSet) -> list[float | None]:
    """The monitored genes' rates of change; None where no source knows them and the reward does not need them."""
    from rbio_kg.training.data.mixture import with_rates

    if not recipe.reward.relative_to and not workspace.model_folder("expression").is_dir():
        return [None] * len(questions)
    return with_rates(questions, workspace.fact_source()).rates()
