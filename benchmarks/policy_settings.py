"""Which facts to tell and how to pay: small policies compared on train questions that they were not taught.

    python benchmarks/policy_settings.py --workspace DIR facts [--lessons 1200] [--rows 1000]
    python benchmarks/policy_settings.py --workspace DIR rewards [--seeds 0 1 2] [--steps 16]

No test row is read: whole genes of the train split are held out, and their facts, like everybody's, come from other
folds than the question's own. Genes are compared within a fold. `facts` warms one policy up on each choice of facts;
`rewards` warms one up a seed and trains it by GRPO with each way to pay, all from that same model. The ways differ from
the first, the shipped one (brier, rewards as they are, questions in pairs of one gene), in what they are called.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.markdown import print_table
from rbio_kg.cli.policy_run import recipe_reward
from rbio_kg.workspace import Workspace
from training.answers import likelihood, sample
from training.baselines import difference, measure
from training.completions import parse_completion
from training.course import Course
from training.facts import DEFAULT_FACTS
from training.grpo import run_grpo
from training.language_model import LanguageModel, load_model, prepare_model
from training.policy_model import load_stages, merged, save_stage
from training.prompts import prompt_text
from training.questions import Questions
from training.recipe import PolicyConfig
from training.runs import Run, start_run
from training.warmup import add_lora, warm_up
from verifiers.baselines import with_folds

FACTS: dict[str, dict[str, Any]] = {
    "rate, neighbours, link": {"questions.facts": ["rate", "neighbours", "link"]},
    "+ estimate": {"questions.facts": ["rate", "estimate", "neighbours", "link"]},
    "rate, estimate": {"questions.facts": ["rate", "estimate"]},
    "+ estimate, names": {"questions.facts": ["rate", "estimate", "neighbours", "names", "link"]},
    "+ estimate, two_step, terms": {"questions.facts": ["rate", "estimate", "neighbours", "link", "two_step", "terms"]},
    "+ estimate, other genes' names": {
        "questions.facts": ["rate", "estimate", "neighbours", "link"],
        "questions.shuffle_names": True,
    },
    "closed book": {"questions.prompt": "closed"},
}
REWARDS: dict[str, dict[str, Any]] = {
    "brier": {},
    "brier, scaled by the group": {"grpo.scale_rewards": "group"},
    "brier, beyond the gene's habit": {"reward.relative_to": "gene_prior"},
    "brier, not in pairs": {"questions.paired": False},
    "linear, the answer alone": {"reward.scoring": "linear"},
    "linear, scaled by the group": {"reward.scoring": "linear", "grpo.scale_rewards": "group"},
}
SAMPLED = 32
"""Held-out questions answered by sampling."""


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
        train = Questions(self.workspace.tables["questions"]).select(
            split="train", cell_line=options.cell_line, task=options.task
        )
        held_out = train.whole_genes(rows=options.rows, seed=options.split_seed).frame
        taught = train.frame.join(held_out.select("gene").unique(), on="gene", how="anti")
        self.questions = Questions(pl.concat([taught, held_out.with_columns(split=pl.lit("test"))]))
        self.base = prepare_model(options.model, self.workspace.paths.models, silent)
        self.seed_of_folds = int(self.workspace.verifier("expression").card.settings["seed"])

    def config(self, seed: int, changes: dict[str, Any]) -> PolicyConfig:
        """The default recipe with changes; some are refused by its checks, and are here to show why."""
        options = self.options
        changes = {
            "seed": seed,
            "model.name": options.model,
            "questions.cell_line": options.cell_line,
            "questions.task": options.task,
            "warmup.examples": options.lessons,
            "grpo.steps": options.steps,
            "grpo.questions": max(2, options.steps * 4),
            "evaluation.rows": 10 * options.rows,
            "grpo.max_tokens": options.max_tokens,
            "questions.facts": options.facts,
            # Half of the lessons reason: GRPO's completions must be well-formed after a short warm-up.
            "warmup.think_share": 0.5 if options.table == "rewards" else 0.25,
            "alarms.held_out_every": 0,
            **changes,
        }
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

    def examined(self, model: LanguageModel, course: Course, *, samples: int = 0) -> tuple[dict[str, Any], Any]:
        """Measures on the held-out questions, and the probabilities."""
        exam, asked = course.exam, course.config.questions
        prompts = [prompt_text(model.tokenizer, item) for item in exam.prompts(asked.prompt, asked.system)]
        read = likelihood(model, prompts, progress=silent)
        found = measure(exam.frame, read.probability, 0, self.strata(exam))
        row: dict[str, Any] = {key: found[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "brier")}
        row |= {"ece": found["ece"], "mean_probability": float(read.probability.mean())}
        row["certain"] = float((np.abs(read.probability - 0.5) > 0.4).mean())
        row["tokens"] = float(np.mean([len(model.tokenizer(text)["input_ids"]) for text in prompts]))
        if samples:
            row |= self.stated(model, prompts, course, samples)
        return row, read.probability

    def stated(self, model: LanguageModel, prompts: list[str], course: Course, samples: int) -> dict[str, Any]:
        """What sampled answers state: `unparsed`, `stated_brier` against the labels, and `stated_mean`."""
        at = np.random.default_rng(0).permutation(len(prompts))[:SAMPLED].tolist()
        texts = sample(
            model,
            [prompts[row] for row in at],
            samples=samples,
            max_tokens=course.config.grpo.max_tokens,
            progress=silent,
        )
        labels = course.exam.frame["label"].to_numpy()[at]
        parsed = [
            (parse_completion(text, require_confidence=True).q, label)
            for row, label in zip(texts, labels, strict=True)
            for text in row
        ]
        said = np.array([(q, label) for q, label in parsed if q is not None]).reshape(-1, 2)
        return {
            "unparsed": 1.0 - len(said) / len(parsed),
            "stated_brier": float(np.mean((said[:, 0] - said[:, 1]) ** 2)) if len(said) else None,
            "stated_mean": float(said[:, 0].mean()) if len(said) else None,
        }

    def strata(self, exam: Questions) -> Any:
        """The folds, because out-of-fold facts of different folds are not of one scale."""
        return with_folds(exam.frame, self.seed_of_folds)["fold"].to_numpy()

    def verifiers_row(self, course: Course) -> dict[str, Any]:
        """The same measures of the reward's pooled probability."""
        exam = course.exam
        judged = course.reward.judge(exam.claims(), [""] * len(exam), exam.rates())
        scores = np.array([0.5 if item.v is None else item.v for item in judged])
        found = measure(exam.frame, scores, 0, self.strata(exam))
        return {
            **{key: found[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "brier", "ece")},
            "mean_probability": float(scores.mean()),
        }


def compare_facts(trials: Trials) -> list[dict[str, Any]]:
    """One warmed-up policy a choice of facts, each beside the first."""
    rows: list[dict[str, Any]] = []
    first: Any = None
    for name, changes in FACTS.items():
        started = time.monotonic()
        for seed in trials.options.seeds:
            course = trials.course(trials.config(seed, changes))
            with tempfile.TemporaryDirectory() as folder:
                row, scores = trials.examined(trials.warmed_up(course, Path(folder)), course)
            first = {seed: scores} if first is None else first
            gap = None
            if name != next(iter(FACTS)) and seed in first:
                gap = difference(course.exam.frame, scores, first[seed], 0, trials.strata(course.exam))
            elif seed not in first:
                first[seed] = scores
            rows.append({"name": name, "seed": seed, **row, "difference": gap})
            told(f"{name}, seed {seed}: {row['per_gene_auroc']:.3f}, {time.monotonic() - started:.0f} s")
        if len(rows) == len(trials.options.seeds):
            rows.append({"name": "the reward's v", "seed": None, **trials.verifiers_row(course)})
    return rows


def compare_rewards(trials: Trials) -> list[dict[str, Any]]:
    """One warmed-up policy a seed, and from each of them GRPO with every way to pay."""
    rows: list[dict[str, Any]] = []
    for seed in trials.options.seeds:
        plain = trials.course(trials.config(seed, {}))
        with tempfile.TemporaryDirectory() as folder:
            warm = Path(folder) / "model"
            row, before = trials.examined(trials.warmed_up(plain, warm), plain, samples=1)
            rows.append({"name": "after the warm-up", "seed": seed, **row})
            told(f"seed {seed}, warm-up: {row}")
            if seed == trials.options.seeds[0]:
                rows.append({"name": "the reward's v", "seed": None, **trials.verifiers_row(plain)})
            for number, (name, changes) in enumerate(REWARDS.items()):
                if name not in trials.options.pay:
                    continue
                started = time.monotonic()
                course = trials.course(trials.config(seed, changes))
                run = trial_run(trials, course, Path(folder) / f"run-{number}")
                start = load_stages(trials.base, warm, "lora", "auto", "warmup")
                dataset = course.grpo_rows.to_dataset("open")
                trained = run_grpo(start, dataset, course.reward, course.config, run, resume=False, progress=silent)
                model = LanguageModel(merged(trained.model), start.tokenizer, start.path)
                row, scores = trials.examined(model, replace_exam(course, plain), samples=1)
                row["difference"] = difference(plain.exam.frame, scores, before, 0, trials.strata(plain.exam))
                steps = [line for line in run.logged() if line.get("phase") == "grpo"][-5:]
                for key in ("frac_reward_zero_std", "entropy"):
                    row[key] = float(np.mean([line[key] for line in steps]))
                row["seconds"] = round(time.monotonic() - started)
                rows.append({"name": name, "seed": seed, **row})
                told(f"seed {seed}, {name}: {row}")
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


COLUMNS = ("name", "seed", "per_gene_auroc", "interval", "difference", "brier", "ece", "mean_probability", "certain")
MORE = ("stated_brier", "stated_mean", "unparsed", "frac_reward_zero_std", "entropy", "tokens")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("table", choices=("facts", "rewards"))
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--cell-line", default="k562")
    parser.add_argument("--task", default="de", choices=("de", "dir"))
    parser.add_argument("--lessons", type=int, default=1200)
    parser.add_argument("--rows", type=int, default=1000, help="held-out questions, about; whole genes")
    parser.add_argument("--steps", type=int, default=16, help="GRPO steps")
    parser.add_argument("--facts", nargs="+", default=list(DEFAULT_FACTS), help="told, for the table of rewards")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--pay", nargs="+", default=list(REWARDS), choices=REWARDS, help="ways to pay")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--split-seed", type=int, default=0, help="draws the held-out genes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    trials = Trials(options)
    rows = (compare_facts if options.table == "facts" else compare_rewards)(trials)
    if options.json:
        print(json.dumps(rows, indent=1, allow_nan=False))
        return
    columns = [name for name in (*COLUMNS, *MORE) if any(row.get(name) is not None for row in rows)]
    print_table(columns, rows)


if __name__ == "__main__":
    main()
