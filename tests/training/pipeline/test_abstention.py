"""What abstains is null in rewards, log, alarms, rollouts, result and report: it never becomes a number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Status, Verdict
from rbio_kg.core.progress import silent
from rbio_kg.core.typing import FloatArray
from rbio_kg.report import write_report
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.config.shipped import FOLDER, recipe_names
from rbio_kg.training.grpo.monitor import TrainingMonitor
from rbio_kg.training.grpo.rollouts import RolloutRecorder
from rbio_kg.training.pipeline.result import FirstLast, TrainingResult
from rbio_kg.training.prompts.templates import family_of
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.rollout_file import iterate_rollouts
from rbio_kg.training.runs.run_folder import Run
from rbio_kg.training.sft.targets import make_examples
from tests.support.profiles import examples
from tests.support.small_run import run_small, small_model, small_recipe
from tests.support.table_verifiers import TableVerifier, VowelVerifier
from tests.support.toy_knockdowns import GENES, PERTS, changes, toy_questions, toy_verifier
from tests.support.trainer_log import log_batch, mean

GROUP = 3
STEPS = 3
CLAIMS = (
    Claim("AAA", "changes_expression_of", "BBB", "k562"),
    Claim("AAA", "regulates", "CCC"),
    Claim("CCC", "interacts_with", "BBB"),
    Claim("DDD", "changes_expression_of", "CCC", "k562"),
)
KINDS: dict[str, dict[str, Any]] = {
    **{name: {"file": name} for name in recipe_names()},
    "relative": {"reward": {"verifiers": {"expression": 1.0, "graph_path": 0.5}, "relative_to": "gene_prior"}},
    "log rule": {"reward": {"verifiers": {"expression": 0.7, "regulators": 0.3}, "scoring": "log"}},
    "linear rule": {"reward": {"verifiers": {"expression": 0.7, "regulators": 0.3}, "scoring": "linear"}},
    "claims and texts": {"reward": {"verifiers": {"graph_path": 1.0, "ontology_text": 1.0, "reasoning_trace": 0.0},
                                    "text_weight": 0.4}},
    "shares and texts": {"reward": {"verifiers": {"graph_path": 1.0, "reasoning_trace": 1.0}, "share_weight": 0.5}},
    "only recorded": {"reward": {"verifiers": {"graph_path": 1.0, "experiment": 0.0}}},
}  # fmt: skip
"""Every shipped recipe, and kinds of reward that none of them has."""
TEXTS = ("ontology_text", "reasoning_trace")
ANSWERS = ("yes 8", "no 7", "yes 5", "no 9", "yes 3", "perhaps", "")


class Patchy(TableVerifier):
    """Abstains on all claims but some."""

    def __init__(self, known: Mapping[Claim, float]) -> None:
        super().__init__({(claim.subject, claim.object): value for claim, value in known.items()})


class PatchyText(Patchy):
    """The same about the texts of a claim's completions; abstains about empty texts as well."""

    name = "text"
    kind: ClassVar[Literal["claim", "text"]] = "text"

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        empty = [not text for text in texts or [""] * len(claims)]
        return np.where(empty, np.nan, super().score(claims))

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        return super().explain(claim) if text else Verdict(None, Status.ABSTAIN, verifier=self.name)


def recipe_of(kind: str) -> PolicyConfig:
    values = dict(KINDS[kind])
    changes_ = {"grpo.steps": STEPS, "grpo.prompts": 2, "grpo.generations": GROUP, "alarms.window": 2}
    if "file" in values:
        return PolicyConfig.read(FOLDER / f"{values['file']}.toml", **changes_)
    return PolicyConfig.make(values, **changes_)


def text_of(answer: str, think: str) -> str:
    return f"<think>{think}</think><answer>{answer}</answer>" if answer else "I do not know"


@st.composite
def tables(draw: st.DrawFn, names: Sequence[str]) -> dict[str, dict[Claim, float]]:
    """What each verifier knows: any of the claims, so also none of them."""
    score = st.sampled_from([0.0, 0.2, 0.5, 0.85, 1.0])
    silent_ = draw(st.sets(st.sampled_from(list(names))))
    known = {name: draw(st.dictionaries(st.sampled_from(CLAIMS), score)) for name in names}
    return {name: {} if name in silent_ else values for name, values in known.items()}


def null_or_number(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0.0 <= value <= 1.0)


def has_reward(
    reward: ComposedReward, claim: Claim, known: Mapping[str, Mapping[Claim, float]], prior: float | None
) -> bool:
    """Whether a completion about a claim has a reward: docs/explanation/reward.md, in words of its own."""
    assigned = [name for name in reward.assigner.verifiers_for(family_of(claim.relation)) if name in weighted(reward)]
    if reward.config.assignment == "one_per_row":
        assigned = [name for name in assigned if name in reward.text_verifiers or claim in known[name]]
    of_claim = [name for name in assigned if name in reward.claim_verifiers]
    if not of_claim:
        return bool(assigned)
    if reward.config.relative_to and claim.relation in KNOCKDOWN_RELATIONS and prior is None:
        return False
    return any(claim in known[name] for name in of_claim)


def weighted(reward: ComposedReward) -> set[str]:
    return {name for name, (_, weight) in reward.verifiers.items() if weight > 0}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(0.12))
@given(data=st.data())
def test_what_abstains_is_null_everywhere(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = recipe_of(kind)
    weights = config.reward.verifiers
    known = data.draw(tables(sorted(weights)))
    reward = ComposedReward(
        {
            name: ((PatchyText if name.startswith(TEXTS) else Patchy)(known[name]), weight)
            for name, weight in weights.items()
        },
        **config.reward.options(),
    )
    run = Run(tmp_path_factory.mktemp("run") / "r")
    run.folder.mkdir()
    manifest = RunManifest.new(
        "r", "training", build_id="b", version="0", seeds={}, config=config.model_dump(mode="json"), simulated=True
    )
    run.write_manifest(manifest)
    monitor = TrainingMonitor(TrainingContext(run, config, reward, Processes(), silent), None, None)
    recorder = RolloutRecorder(reward, run.rollouts, "r", explained=2)
    functions = [recorder, *reward.functions[1:]]
    batches = []
    priors_of: dict[Claim, float | None] = {}
    for step in range(STEPS):
        asked = data.draw(st.lists(st.sampled_from(CLAIMS), min_size=2, max_size=2, unique=True))
        claims = [claim for claim in asked for _ in range(GROUP)]
        texts = [text_of(data.draw(st.sampled_from(ANSWERS)), data.draw(st.sampled_from(["", "So."]))) for _ in claims]
        columns: dict[str, list[Any]] = {
            field: [getattr(claim, field) for claim in claims]
            for field in ("subject", "relation", "object", "cell_line")
        }
        for claim in asked:
            if claim not in priors_of:
                priors_of[claim] = data.draw(st.sampled_from([None, 0.1, 0.6]))
        columns["gene_prior"] = [priors_of[claim] for claim in claims]
        batch = log_batch(
            functions, reward.weights, [str(claim) for claim in claims], texts, columns, step=step, group=GROUP
        )
        monitor.update(step + 1, batch.metrics, None)
        batches.append((claims, batch))

    # The reward: a claim verifier that abstains has no value, and without any value there is no reward.
    for claims, batch in batches:
        main = batch.values["composed_reward"]
        assert all(null_or_number(value) for column in batch.values.values() for value in column)
        for row, claim in enumerate(claims):
            for name in reward.claim_verifiers:
                unknown = claim not in known[name]
                assert (batch.values[name][row] is None) == (unknown or main[row] is None), name
            assert (main[row] is not None) == has_reward(reward, claim, known, priors_of[claim]), claim

    # The log: null exactly where a step has no value, else the mean of the values that are there.
    lines = run.logged("grpo")
    assert [line["step"] for line in lines] == [1, 2, 3]
    for (_, batch), line in zip(batches, lines, strict=True):
        for name in ("composed_reward", *reward.part_names):
            assert line[f"rewards/{name}/mean"] == mean(batch.values[name]), name
        assert line["reward"] == line["rewards/composed_reward/mean"]
        scored = [value is not None for value in batch.values["composed_reward"][::GROUP]]
        assert (line["frac_reward_zero_std"] is None) == (not any(scored))
    for alarm in (*run.logged("alarm"), *run.manifest.alarms):
        assert "None" not in alarm["message"] and "nan" not in alarm["message"]

    # The rollouts: as the trainer saw them, apart from what TRL is not given of a completion without a reward.
    stored = list(iterate_rollouts(run.rollouts))
    rewards = [value for _, batch in batches for value in batch.values["composed_reward"]]
    assert [item.reward for item in stored] == rewards
    for position, item in enumerate(stored):
        verdicts = {verdict.verifier: verdict for verdict in item.verdicts}
        step, row = divmod(position, 2 * GROUP)
        for name in reward.verifiers:
            assert (verdicts[name].score is None) == (verdicts[name].status is Status.ABSTAIN)
            if item.reward is not None:
                assert item.parts[name] == batches[step][1].values[name][row]
        for name in reward.claim_verifiers:
            assert (item.parts[name] is None) == (item.claim not in known[name])

    # The result and the report.
    parts = {name: FirstLast.of(lines, f"rewards/{name}/mean") for name in reward.part_names}
    result = TrainingResult("r", {}, steps=STEPS, reward=FirstLast.of(lines, "reward"), parts=parts).to_json()
    for name in reward.part_names:
        assert result["parts"][name]["first"] == mean(batches[0][1].values[name])
    run.update(status="finished", result=result)
    json.dumps(result, allow_nan=False)
    if data.draw(st.integers(0, 2)):  # of every third example: a page takes ten times as long as the rest
        return
    page = write_report(run.folder, run.folder / "report.html").read_text("utf-8")
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|None|null)\b", shown)


def sparse(share: int) -> TableVerifier:
    """Knows one pair in so many; 0: none."""
    pairs = [(pert, gene) for pert in PERTS for gene in GENES]
    known = [pair for i, pair in enumerate(pairs) if share and i % share == 0]
    return TableVerifier({pair: 0.9 if changes(*pair) else 0.1 for pair in known})


TRAINED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a part knows nothing": ({"table": (toy_verifier(), 0.5), "none": (sparse(0), 0.5)}, {}),
    "a part knows one pair in ten": ({"table": (toy_verifier(), 0.3), "sparse": (sparse(10), 0.7)}, {}),
    "all parts know a little": ({"a": (sparse(7), 0.5), "b": (sparse(11), 0.5)}, {"share_weight": 0.25}),
    "texts without letters": (
        {"table": (toy_verifier(), 0.5), "vowels": (VowelVerifier(), 0.5)},
        {"text_weight": 0.3},
    ),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize("case", TRAINED)
def test_a_policy_is_trained_to_the_end_with_a_part_that_abstains_on_complete_steps(
    case: str, model: Path, tmp_path: Path
) -> None:
    verifiers, options = TRAINED[case]
    shown: list[str] = []
    changes_ = {"grpo.generations": 3, "grpo.prompts": 1, "grpo.steps": 6, "grpo.save_every": 3, "evaluation.rows": 8}
    reward = ComposedReward(verifiers, **options)
    document = run_small(
        tmp_path,
        small_recipe(model, **changes_),
        reward=reward,
        progress=lambda message, share: shown.append(message),
    )
    json.dumps(document, allow_nan=False)
    run = Run(tmp_path / "runs" / "small")
    lines = run.logged("grpo")
    assert (run.manifest.status, len(lines)) == ("finished", 6)
    stored = list(iterate_rollouts(run.rollouts))
    for line in lines:
        rows = [item for item in stored if item.step == line["step"]]
        # What TRL itself logs is what the other test takes for it.
        scored = [item for item in rows if item.reward is not None]
        for name in reward.part_names:
            logged, expected = line[f"rewards/{name}/mean"], mean([item.parts[name] for item in scored])
            assert logged == (None if expected is None else pytest.approx(expected, abs=1e-6)), name
        assert (line["reward"] is None) == (not scored)
        assert (line["frac_reward_zero_std"] is None) == (not scored)
    if case == "a part knows nothing":
        assert document["parts"]["none"] == {"first": None, "last": None}
        assert not any("none" in message for message in shown if message.startswith("GRPO step"))
    if case == "all parts know a little":
        assert any(line["reward"] is None for line in lines)
        assert any("no completion could be scored" in message for message in shown)
    assert all(first["step"] < second["step"] for first, second in pairwise(lines))
    page = write_report(run.folder, tmp_path / "report.html").read_text("utf-8")
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<[^>]+>", " ", page))


def test_sft_has_no_preference_where_every_verifier_abstains(model: Path) -> None:
    from rbio_kg.training.models.loading import load_tokenizer

    rows = toy_questions().select(split="train", cell_line="toy", task="de").limit(12, seed=0)
    recipe = small_recipe(model, **{"questions.prompt": "closed"})
    made = make_examples(rows, recipe, ComposedReward({"none": (sparse(0), 1.0)}), load_tokenizer(str(model)))
    assert [item.q for item in made] == [0.5] * 12
