"""Which facts to tell and how to pay: small policies compared on train questions that they were not taught.

    python -m benchmarks.policy_settings facts --workspace DIR
    python -m benchmarks.policy_settings rewards --workspace DIR [--seeds 0 1 2] [--set grpo.learning_rate=5e-4]
    python -m benchmarks.policy_settings grpo --workspace DIR

No test row is read: genes of the train split are held out, with some of their rows, and their facts, like everybody's,
come from other folds than the question's own. Genes are compared within a fold. `facts` warms one policy up on each
choice of facts; `rewards` warms one up a seed and trains it by GRPO with each way to pay, all from that same model. The
ways differ from the first, the shipped one (brier, rewards as they are, questions in pairs of one gene), in what they
are called. Everything is read twice: the probability of yes against no, and the probability that the policy states,
over its answers and digits. `grpo` does the same with the trainer's settings, at equal numbers of completions. `--set`
changes any setting of the recipe that all of them share.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.markdown import print_table
from rbio_kg.cli.policy_run import recipe_reward
from rbio_kg.workspace import Workspace
from training.answers import Likelihood, likelihood
from training.baselines import difference, measure
from training.course import Course
from training.grpo import run_grpo
from training.language_model import LanguageModel, load_model, prepare_model
from training.lora import add_lora
from training.policy_model import load_stages, merged, save_stage
from training.prompts import prompt_text
from training.questions import Questions
from training.recipe import PolicyConfig
from training.runs import Run, start_run
from training.warmup import warm_up
from verifiers.baselines import with_folds

FACTS: dict[str, dict[str, Any]] = {
    "rate, estimate, neighbours, link": {},
    "without the estimate": {"questions.facts": ["rate", "neighbours", "link"]},
    "without neighbours and link": {"questions.facts": ["rate", "estimate"]},
    "with the neighbours' names": {"questions.facts": ["rate", "estimate", "neighbours", "names", "link"]},
    "with two_step and terms": {"questions.facts": ["rate", "estimate", "neighbours", "link", "two_step", "terms"]},
    "other genes' names": {"questions.shuffle_names": True},
    "closed book": {"questions.prompt": "closed"},
}
"""The first is the default."""
REWARDS: dict[str, dict[str, Any]] = {
    "brier": {},
    "brier, scaled by the group": {"grpo.scale_rewards": "group"},
    "brier, beyond the gene's habit": {"reward.relative_to": "gene_prior"},
    "brier, not in pairs": {"questions.paired": False},
    "linear, the answer alone": {"reward.scoring": "linear"},
    "linear, scaled by the group": {"reward.scoring": "linear", "grpo.scale_rewards": "group"},
}
GRPO: dict[str, dict[str, Any]] = {
    "2e-4, 4 questions x 8": {},
    "5e-4, 4 questions x 8": {"grpo.learning_rate": 5e-4},
    "1e-3, 4 questions x 8": {"grpo.learning_rate": 1e-3},
    "5e-4, 8 questions x 4": {"grpo.learning_rate": 5e-4, "grpo.prompts": 8, "grpo.generations": 4},
    "5e-4, 4 questions x 4, twice the steps": {"grpo.learning_rate": 5e-4, "grpo.generations": 4, "grpo.steps": 24},
}
WAYS = {"rewards": REWARDS, "grpo": GRPO}
# Half of the lessons reason: GRPO's completions must be well-formed after a short warm-up.
SHORT = {"warmup.examples": 800, "warmup.think_share": 0.5, "grpo.max_tokens": 56, "grpo.questions": 640}
SHARED: dict[str, dict[str, Any]] = {
    "facts": {"warmup.examples": 1200},
    "rewards": {**SHORT, "grpo.steps": 16},
    "grpo": {**SHORT, "grpo.generations": 8, "grpo.steps": 12},
}
"""What the trials of a table change of the default recipe."""


def told(message: str, share: float | None = None) -> None:
    """Progress on standard error."""
    print(message, file=sys.stderr, flush=True)


def silent(message: str, share: float | None = None) -> None:
    """Progress that nobody sees."""


class Trials:
    """One workspace's train questions, some genes of them held out, and what the trials share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.workspace = Workspace(options.workspace)
        self.shared = {"evaluation.rows": 10 * options.rows, "alarms.held_out_every": 0}
        self.shared |= SHARED[options.table] | dict(options.set)
        asked = PolicyConfig.make(**self.shared).questions
        train = Questions(self.workspace.tables["questions"]).select(
            split="train", cell_line=asked.cell_line, task=asked.task
        )
        some = self.some(train.whole_genes(rows=options.rows * 10, seed=options.split_seed))
        held_out = some.whole_genes(rows=options.rows, seed=options.split_seed).frame
        taught = train.frame.join(held_out.select("gene").unique(), on="gene", how="anti")
        self.questions = Questions(pl.concat([taught, held_out.with_columns(split=pl.lit("test"))]))
        self.base = prepare_model(PolicyConfig.make(**self.shared).model.name, self.workspace.paths.models, silent)
        self.seed_of_folds = int(self.workspace.verifier("expression").card.settings["seed"])

    def some(self, questions: Questions) -> Questions:
        """At most `--per-gene` rows of each gene, drawn by the seed: more genes for the same time."""
        shuffled = questions.frame.sample(fraction=1.0, shuffle=True, seed=self.options.split_seed)
        first = shuffled.group_by("gene", maintain_order=True).head(self.options.per_gene)
        return Questions(first.select(questions.frame.columns).sort("gene", "pert"))

    def chosen(self, table: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        """The rows of a table that are asked for, by name."""
        return [row for row in table.items() if not self.options.only or row[0] in self.options.only]

    def config(self, seed: int, changes: dict[str, Any]) -> PolicyConfig:
        """The default recipe with changes; some are refused by its checks, and are here to show why."""
        changes = {"seed": seed, **self.shared, **changes}
        scaled = changes.pop("grpo.scale_rewards", "none")
        config = PolicyConfig.make(**changes)
        return config.model_copy(update={"grpo": config.grpo.model_copy(update={"scale_rewards": scaled})})

    def course(self, config: PolicyConfig) -> Course:
        """The recipe's questions; its examination are the held-out ones."""
        workspace = self.workspace
        reward = recipe_reward(workspace, config)
        return Course(config, self.questions, workspace.fact_source(), workspace.snapshot, reward)

    def warmed_up(self, course: Course, folder: Path) -> LanguageModel:
        """The model after the warm-up, saved in a folder."""
        config = course.config
        start = load_model(self.base)
        model = add_lora(start.model, rank=config.warmup.rank, top_layers=config.warmup.top_layers, seed=config.seed)
        warm_up(
            model, start.tokenizer, course.lessons(start.tokenizer), config.warmup, seed=config.seed, progress=silent
        )
        save_stage(model, start.tokenizer, folder, "warmup")
        return LanguageModel(merged(model), start.tokenizer, start.path)

    def examined(
        self, model: LanguageModel, course: Course, before: Likelihood | None = None
    ) -> tuple[dict[str, Any], Likelihood]:
        """Measures on the held-out questions, of yes against no and of what is stated; beside another model's."""
        exam, asked = course.exam, course.config.questions
        prompts = [prompt_text(model.tokenizer, item) for item in exam.prompts(asked.prompt, asked.system)]
        read, strata = likelihood(model, prompts, progress=silent), self.strata(exam)
        row: dict[str, Any] = {"tokens": float(np.mean([len(model.tokenizer(text)["input_ids"]) for text in prompts]))}
        for name, prefix in (("probability", ""), ("stated", "stated_")):
            scores = getattr(read, name)
            row |= {prefix + key: value for key, value in measures(exam.frame, scores, strata).items()}
            if before is not None:
                row[prefix + "difference"] = difference(exam.frame, scores, getattr(before, name), 0, strata)
        return row, read

    def strata(self, exam: Questions) -> Any:
        """The folds, because out-of-fold facts of different folds are not of one scale."""
        return with_folds(exam.frame, self.seed_of_folds)["fold"].to_numpy()

    def verifiers_row(self, course: Course) -> dict[str, Any]:
        """The same measures of the reward's pooled probability."""
        exam = course.exam
        judged = course.reward.judge(exam.claims(), [""] * len(exam), exam.rates())
        scores = np.array([0.5 if item.v is None else item.v for item in judged])
        return measures(exam.frame, scores, self.strata(exam))


def measures(rows: pl.DataFrame, scores: Any, strata: Any) -> dict[str, Any]:
    """Of one model's probabilities; `certain`: the share of them below .1 or above .9."""
    found = measure(rows, scores, 0, strata)
    row = {key: found[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "brier", "ece")}
    return {**row, "mean": float(scores.mean()), "certain": float((np.abs(scores - 0.5) > 0.4).mean())}


def compare_facts(trials: Trials) -> list[dict[str, Any]]:
    """One warmed-up policy a choice of facts, each beside the first of its seed."""
    rows: list[dict[str, Any]] = []
    for seed in trials.options.seeds:
        first: Likelihood | None = None
        for name, changes in trials.chosen(FACTS):
            started = time.monotonic()
            course = trials.course(trials.config(seed, changes))
            with tempfile.TemporaryDirectory() as folder:
                row, read = trials.examined(trials.warmed_up(course, Path(folder)), course, first)
            rows.append({"name": name, "seed": seed, **row})
            if first is None:
                first = read
                rows.append({"name": "the reward's v", "seed": seed, **trials.verifiers_row(course)})
            told(f"seed {seed}, {name}, {time.monotonic() - started:.0f} s: {row}")
    return rows


def compare_grpo(trials: Trials) -> list[dict[str, Any]]:
    """One warmed-up policy a seed, and from each of them GRPO in every way of the table."""
    rows: list[dict[str, Any]] = []
    for seed in trials.options.seeds:
        plain = trials.course(trials.config(seed, {}))
        with tempfile.TemporaryDirectory() as folder:
            warm = Path(folder) / "model"
            row, before = trials.examined(trials.warmed_up(plain, warm), plain)
            rows.append({"name": "after the warm-up", "seed": seed, **row})
            rows.append({"name": "the reward's v", "seed": seed, **trials.verifiers_row(plain)})
            told(f"seed {seed}, warm-up: {rows[-2:]}")
            for number, (name, changes) in enumerate(trials.chosen(WAYS[trials.options.table])):
                started = time.monotonic()
                course = trials.course(trials.config(seed, changes))
                run = trial_run(trials, course, Path(folder) / f"run-{number}")
                start = load_stages(trials.base, warm, "lora", "auto", "warmup")
                dataset = course.grpo_rows.to_dataset("open")
                trained = run_grpo(start, dataset, course.reward, course.config, run, resume=False, progress=silent)
                model = LanguageModel(merged(trained.model), start.tokenizer, start.path)
                row, _ = trials.examined(model, replace_exam(course, plain), before)
                steps = [line for line in run.logged() if line.get("phase") == "grpo"][-5:]
                for key in ("unparsed", "frac_reward_zero_std", "entropy"):
                    row[key] = float(np.mean([line[key] for line in steps]))
                rows.append({"name": name, "seed": seed, **row, "seconds": round(time.monotonic() - started)})
                told(f"seed {seed}, {name}: {rows[-1]}")
    return rows


def replace_exam(course: Course, plain: Course) -> Course:
    """The course with the questions of another's examination, which the first course's prompts would ask alike."""
    course.exam = replace(plain.exam, facts=course.book or plain.exam.facts)
    return course


def trial_run(trials: Trials, course: Course, folder: Path) -> Run:
    """A run in a throw-away workspace."""
    from rbio_kg.paths import WorkspacePaths

    paths = WorkspacePaths(folder)
    return start_run(
        paths,
        "trial",
        kind="training",
        build_id=trials.workspace.build_id,
        version="",
        seeds={},
        config={},
        simulated=False,
        resume=False,
    )


def setting(text: str) -> tuple[str, Any]:
    """A dotted setting and its value, written as in TOML; text needs no quotation marks."""
    key, _, value = text.partition("=")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


FIGURES = ("per_gene_auroc", "difference", "brier", "ece", "mean", "certain")
COLUMNS = ("name", "seed", *FIGURES, *(f"stated_{name}" for name in FIGURES))
MORE = ("unparsed", "frac_reward_zero_std", "entropy", "tokens", "seconds")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("table", choices=("facts", *WAYS))
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--set", type=setting, action="append", default=[], help="KEY=VALUE, as in a recipe")
    parser.add_argument("--rows", type=int, default=768, help="held-out questions, about")
    parser.add_argument("--per-gene", type=int, default=12, help="of them of one gene, at most")
    parser.add_argument("--only", nargs="+", help="some rows of the table, by name")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--split-seed", type=int, default=0, help="draws the held-out genes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    trials = Trials(options)
    rows = (compare_facts if options.table == "facts" else compare_grpo)(trials)
    if options.json:
        print(json.dumps(rows, indent=1, allow_nan=False))
        return
    columns = [name for name in (*COLUMNS, *MORE) if any(row.get(name) is not None for row in rows)]
    print_table(columns, rows)


if __name__ == "__main__":
    main()
