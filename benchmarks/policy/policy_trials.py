"""Small policies trained on a part of the train questions and evaluated on another: what the trials share.

Genes of the train split are held out, with some of their rows. All facts come from other folds than the question's own.
Genes are compared within a fold.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.services.train import recipe_reward
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.comparison import difference, measure
from rbio_kg.training.models.adapters import merged, save_stage
from rbio_kg.training.models.decoding import Likelihood, Sampling, likelihood, sample
from rbio_kg.training.models.loading import load_model, prepare_model
from rbio_kg.training.models.lora import add_lora
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.pipeline.plan import TrainingPlan, make_plan
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.prompts.parser import parse_completion
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import Run, start_run
from rbio_kg.training.sft.targets import make_examples
from rbio_kg.training.sft.trainer import run_sft
from rbio_kg.verifiers.evaluation.baselines import with_folds
from rbio_kg.workspace import Workspace

SAMPLED = 64
"""Held-out questions answered by sampling, with reasoning, as GRPO trains it."""


def report(message: str, share: float | None = None) -> None:
    """Progress on standard error."""
    print(message, file=sys.stderr, flush=True)


class Trials:
    """One workspace's train questions, some genes of them held out, and what the trials share.

    Args:
        workspace: with fitted verifiers.
        shared: changes of the default recipe in all trials, by dotted name.
        rows: number of held-out questions, about.
        per_gene: largest number of them of one gene.
        seed: draws them.
    """

    def __init__(
        self, workspace: Workspace, shared: dict[str, Any], *, rows: int, per_gene: int, seed: int = 0
    ) -> None:
        self.workspace = workspace
        self.shared = {"evaluation.rows": 10 * rows, "alarms.held_out_every": 0, **shared}
        config = PolicyConfig.make(**self.shared)
        train = QuestionSet(self.workspace.tables["questions"]).select(
            split="train", cell_line=config.questions.cell_line, task=config.questions.task
        )
        held_out = some_of_each(train, rows, per_gene, seed).frame
        others = train.frame.join(held_out.select("gene").unique(), on="gene", how="anti")
        self.questions = QuestionSet(pl.concat([others, held_out.with_columns(split=pl.lit("test"))]))
        self.base = prepare_model(config.model.name, self.workspace.paths.models, silent)

    def config(self, seed: int, changes: dict[str, Any]) -> PolicyConfig:
        """The default recipe with changes. The recipe's checks refuse some of them; here they are compared."""
        changes = {"seed": seed, **self.shared, **changes}
        scaled = changes.pop("grpo.scale_rewards", "none")
        config = PolicyConfig.make(**changes)
        return config.model_copy(update={"grpo": config.grpo.model_copy(update={"scale_rewards": scaled})})

    def reward(self, config: PolicyConfig) -> ComposedReward:
        """The recipe's reward on the workspace's verifiers."""
        return recipe_reward(self.workspace, config)

    def plan(self, config: PolicyConfig) -> TrainingPlan:
        """The recipe's training plan; its evaluation rows are the held-out questions."""
        workspace = self.workspace
        return make_plan(config, self.questions, workspace.fact_source(), workspace.snapshot)

    def after_sft(self, plan: TrainingPlan, folder: Path) -> LanguageModel:
        """The model after SFT, saved in a folder."""
        config = plan.config
        start = load_model(self.base)
        model = add_lora(start.model, rank=config.warmup.rank, top_layers=config.warmup.top_layers, seed=config.seed)
        examples = make_examples(plan.sft_rows, config, self.reward(config), start.tokenizer)
        run_sft(
            LanguageModel(model, start.tokenizer, start.path),
            examples,
            config.warmup,
            seed=config.seed,
            progress=silent,
        )
        save_stage(model, start.tokenizer, folder, "warmup")
        return LanguageModel(merged(model), start.tokenizer, start.path)

    def run(self, folder: Path) -> Run:
        """A run in a throw-away workspace."""
        paths, build_id = WorkspacePaths(folder), self.workspace.build_id
        manifest = RunManifest.new(
            "trial", "training", build_id=build_id, version="", seeds={}, config={}, simulated=False
        )
        return start_run(paths, manifest)

    def evaluated(
        self, model: LanguageModel, plan: TrainingPlan, before: Likelihood | None = None
    ) -> tuple[dict[str, Any], Likelihood]:
        """Measures on the held-out questions, of yes against no and of the stated probability, with differences from
        another model's."""
        evaluation_rows, section = plan.evaluation_rows, plan.config.questions
        prompts = [
            prompt_text(model.tokenizer, item) for item in evaluation_rows.prompts(section.prompt, section.system)
        ]
        read, subgroups = likelihood(model, prompts, progress=silent), folds_of(self.workspace, evaluation_rows)
        row: dict[str, Any] = {"tokens": float(np.mean([len(model.tokenizer(text)["input_ids"]) for text in prompts]))}
        pooled_v = self.pooled_v(plan)
        for name, prefix in (("probability", ""), ("stated", "stated_")):
            scores = getattr(read, name)
            row |= {prefix + key: value for key, value in measures(evaluation_rows.frame, scores, subgroups).items()}
            row[prefix + "gap"] = gap(scores, pooled_v)
            if before is not None:
                row[prefix + "difference"] = difference(
                    evaluation_rows.frame, scores, getattr(before, name), 0, subgroups
                )
        return row | self.written(model, prompts, pooled_v, plan.config.grpo.max_tokens), read

    def written(self, model: LanguageModel, prompts: list[str], pooled_v: Any, max_tokens: int) -> dict[str, Any]:
        """Statistics of the probabilities that sampled completions state, and the share `unparsed`."""
        at = np.random.default_rng(0).permutation(len(prompts))[:SAMPLED]
        texts = sample(model, [prompts[row] for row in at], Sampling(1, max_tokens), progress=silent)
        parsed = [parse_completion(text, require_confidence=True) for (text,) in texts]
        read = [row for row, item in enumerate(parsed) if item.q is not None]
        said = np.array([parsed[row].q for row in read], dtype=float)
        yes = [parsed[row].answer == "yes" for row in read]
        found = {"unparsed": 1.0 - len(read) / len(parsed)}
        if not read:
            return found
        return found | {
            "written_gap": gap(said, pooled_v[at[read]]),
            "written_mean": float(said.mean()),
            "written_yes": float(np.mean(yes)),
        }

    def pooled_v(self, plan: TrainingPlan) -> Any:
        """The reward's pooled probability of the held-out questions."""
        return np.nan_to_num(pooled(self.reward(plan.config), plan.evaluation_rows), nan=0.5)

    def verifiers_row(self, plan: TrainingPlan) -> dict[str, Any]:
        """The same measures of the reward's pooled probability."""
        return measures(plan.evaluation_rows.frame, self.pooled_v(plan), folds_of(self.workspace, plan.evaluation_rows))


def some_of_each(questions: QuestionSet, rows: int, per_gene: int, seed: int = 0) -> QuestionSet:
    """About `rows` questions of genes with both labels, at most `per_gene` of each: more genes for the same time."""
    drawn = questions.complete_genes(rows=10 * rows, seed=seed).frame
    shuffled = drawn.sample(fraction=1.0, shuffle=True, seed=seed)
    first = shuffled.group_by("gene", maintain_order=True).head(per_gene)
    return QuestionSet(first.select(drawn.columns).sort("gene", "pert")).complete_genes(rows=rows, seed=seed)


def pooled(reward: ComposedReward, questions: QuestionSet) -> Any:
    """The reward's v of each question, (n,); NaN where all verifiers abstain."""
    scored = reward.score_completions(questions.claims(), [""] * len(questions), questions.rates())
    return np.array([np.nan if item.v is None else item.v for item in scored])


def folds_of(workspace: Workspace, questions: QuestionSet) -> Any:
    """The fold of each question, (n,): out-of-fold facts of different folds are not on one scale."""
    seed = int(workspace.verifier("expression").card.settings["seed"])
    return with_folds(questions.frame, seed)["fold"].to_numpy()


def gap(scores: Any, pooled_v: Any) -> float:
    """Root of the mean squared distance of two arrays of probabilities."""
    return float(np.sqrt(np.mean((scores - pooled_v) ** 2)))


def measures(rows: pl.DataFrame, scores: Any, subgroups: Any) -> dict[str, Any]:
    """Measures of a model's probabilities; `certain`: the share of them below 0.1 or above 0.9."""
    found = measure(rows, scores, 0, subgroups)
    row = {key: found[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "brier", "ece")}
    return {**row, "mean": float(scores.mean()), "certain": float((np.abs(scores - 0.5) > 0.4).mean())}
