"""A trained policy on whole test splits, stage by stage, beside readers of the same facts and the verifiers.

    python benchmarks/policy.py RUN --workspace DIR [--lines k562 rpe1 hepg2] [--tasks de] [--stages warmup grpo]

All rows of the test genes that have both labels (what the per-gene AUROC reads), by the likelihood of yes and, in rows
of their own, by the probability that the policy states over its answers and digits. `regression` and `boosting` read
the same facts as numbers, fitted on `--reader-rows` train questions of the line with facts out of fold. A stage's
probabilities are kept in the run's folder (`evaluation/STAGE-LINE-TASK.csv`) and not computed again. `--stages
untrained` is the model before any training. `--written N`: on about N of the rows, whole genes, what is stated after
the policy's own reasoning, sampled once a question, over the answers and digits that would follow it. `better by` is
the row's Brier score less that of the last stage, as differences are: paired, bootstrapped over genes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.facts import features, plain_regression
from benchmarks.markdown import print_table
from benchmarks.policy_trials import silent, told
from rbio_kg.cli.policy_run import recipe_reward
from rbio_kg.workspace import Workspace
from training.answers import likelihood, sample
from training.audit import audit_policy
from training.baselines import difference, measure
from training.completions import written_reasoning
from training.course import as_trained
from training.language_model import LanguageModel, load_model, prepare_model
from training.policy_model import load_stages
from training.prompts import prompt_text
from training.question_files import write_rows
from training.questions import Questions
from training.recipe import PolicyConfig
from training.runs import Run, find_run
from verifiers.baselines import baseline_scores
from verifiers.protocols import divide
from verifiers.scorecard import question_scores

READINGS = {"score": "", "stated": ", as stated"}
"""The columns of a stage's file, and how the rows of a table are called."""


class Examination:
    """A run and the workspace that it was trained in."""

    def __init__(self, workspace: Workspace, name: str, rows: int | None = None) -> None:
        self.workspace, self.rows = workspace, rows
        self.run = Run(find_run(workspace.paths, name))
        self.config = PolicyConfig.make(dict(self.run.manifest.config))
        self.base = prepare_model(self.config.model.name, workspace.paths.models, told)
        self.reward = recipe_reward(workspace, self.config)
        self._models: dict[str, LanguageModel] = {}

    def model(self, stage: str) -> LanguageModel:
        """The model after a stage; one at a time is kept."""
        if stage not in self._models:
            method, weights = self.config.model.method, self.config.model.weights
            self._models = {
                stage: load_model(self.base, weights)
                if stage == "untrained"
                else load_stages(self.base, self.run.model, method, weights, stage)
            }
        return self._models[stage]

    def asked(self, line: str, task: str, reader_rows: int) -> tuple[Questions, Questions, pl.DataFrame]:
        """The test questions of a line, train questions for the readers, and all train rows."""
        division = divide(
            self.workspace.tables["questions"], self.config.questions.protocol, line, seed=self.config.seed
        )
        train = division.train.filter(pl.col("task") == task)
        questions = Questions(pl.concat([division.train, division.test]))
        test = questions.select(split="test", cell_line=line, task=task)
        exam = test.whole_genes(rows=self.rows or len(test), seed=0)
        # A line that is left out has no train rows: the readers learn from the others', as the policy did.
        own_line = None if self.config.questions.protocol == "leave-one-line-out" else line
        own = (
            questions.select(split="train", cell_line=own_line, task=task)
            .pairs(seed=1)
            .limit(reader_rows, keep_pairs=True)
        )
        source = self.workspace.fact_source() if self.config.questions.prompt == "open" else None
        exam, own = (
            as_trained(part, self.run, self.config, self.base, facts=source, snapshot=self.workspace.snapshot)
            for part in (exam, own)
        )
        audit_policy(
            exam,
            test.frame,
            self.config.questions.protocol,
            taught=self.run.read_questions(),
            train=train,
            reward=self.reward,
            knockdowns=self.workspace.tables["knockdowns"],
            where=self.run.folder,
        )
        return exam, own, train

    def probabilities(self, stage: str, exam: Questions, line: str, task: str) -> dict[str, Any]:
        """P(yes) after a stage and what it states, each (n,); read from the run's folder where they are there."""

        def compute(model: LanguageModel, prompts: list[str]) -> dict[str, Any]:
            read = likelihood(model, prompts, progress=silent)
            return {"score": read.probability, "stated": read.stated}

        return self._kept(f"{stage}-{line}-{task}", stage, exam, tuple(READINGS), compute)

    def written(self, stage: str, exam: Questions, line: str, task: str) -> Any:
        """What a stage states after a reasoning of its own, (n,); read from the run's folder where it is there."""
        settings = self.config.grpo

        def compute(model: LanguageModel, prompts: list[str]) -> dict[str, Any]:
            texts = sample(
                model,
                prompts,
                samples=1,
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
                progress=silent,
            )
            reasonings = [written_reasoning(text) for (text,) in texts]
            return {"stated": likelihood(model, prompts, reasonings, progress=silent).stated}

        return self._kept(f"{stage}-{line}-{task}-written", stage, exam, ("stated",), compute)["stated"]

    def _kept(
        self,
        name: str,
        stage: str,
        exam: Questions,
        columns: tuple[str, ...],
        compute: Callable[[LanguageModel, list[str]], dict[str, Any]],
    ) -> dict[str, Any]:
        """The columns of a file in the run's folder, computed where it is not there or is of other questions."""
        file = self.run.folder / "evaluation" / f"{name}.csv"
        keys = exam.frame.select("pert", "gene", "label")
        if file.is_file():
            known = pl.read_csv(file, schema_overrides={"pert": pl.String, "gene": pl.String})
            if set(columns) <= set(known.columns) and known.drop(*columns).equals(keys):
                return {column: known[column].to_numpy() for column in columns}
        started = time.monotonic()
        model, asked = self.model(stage), self.config.questions
        found = compute(
            model, [prompt_text(model.tokenizer, item) for item in exam.prompts(asked.prompt, asked.system)]
        )
        told(f"{name}: {len(exam)} questions, {time.monotonic() - started:.0f} s")
        write_rows(file, keys.with_columns(**{column: pl.Series(values) for column, values in found.items()}))
        return found

    def readers(self, exam: Questions, own: Questions) -> dict[str, Any]:
        """Probabilities of plain readers of the told facts; none where a prompt tells none."""
        if exam.facts is None or own.facts is None:
            return {}
        snapshot = self.workspace.snapshot
        bits = dict(zip(snapshot.term_names, snapshot.information_content.tolist(), strict=True))

        def numbers(questions: Questions) -> Any:
            book = questions.facts
            table = [features(book.facts(claim), bits) for claim in questions.claims()] if book else []
            return np.array([[value for values in row.values() for value in values] for row in table])

        known, labels, asked = numbers(own), own.frame["label"].to_numpy(), numbers(exam)
        models = {
            "regression": plain_regression(),
            "boosting": HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_depth=3, random_state=0),
        }
        return {name: model.fit(known, labels).predict_proba(asked)[:, 1] for name, model in models.items()}

    def written_table(self, line: str, task: str, stages: list[str], rows: int) -> list[dict[str, Any]]:
        """One row a stage, and what each states without reasoning on the same questions."""
        exam, _, _ = self.asked(line, task, 2)
        at = exam.whole_gene_rows(rows=rows, seed=0)
        some = exam.take(at)
        found = {}
        for name in stages:
            found[f"{name}, as stated, {len(at)} rows"] = self.probabilities(name, exam, line, task)["stated"][at]
            found[f"{name}, in writing, {len(at)} rows"] = self.written(name, some, line, task)
        last = list(found.values())[-1]
        place = {"cell_line": line, "task": task}
        return [row_of(some.frame, place, name, scores, last) for name, scores in found.items()]

    def table(self, line: str, task: str, stages: list[str], reader_rows: int) -> list[dict[str, Any]]:
        """One row a predictor of one line and task."""
        exam, taught, train = self.asked(line, task, reader_rows)
        read = {stage: self.probabilities(stage, exam, line, task) for stage in stages}
        last = read[stages[-1]]
        found: dict[str, Any] = {
            stage + ending: read[stage][name] for name, ending in READINGS.items() for stage in stages
        }
        baselines = baseline_scores(exam.frame, train)
        found |= self.readers(exam, taught)
        found["expression model"] = self._filled(self._expression(exam), baselines["gene_prior"])
        found["the reward's v"] = self._filled(self._pooled(exam), baselines["gene_prior"])
        found |= {name: baselines[name] for name in ("gene_prior", "pair_copy", "perturbation_strength")}
        rows, place = [], {"cell_line": line, "task": task}
        for name, scores in found.items():
            own = last["stated" if name.endswith(READINGS["stated"]) else "score"]
            rows.append(row_of(exam.frame, place, name, scores, own))
        return rows

    def _expression(self, exam: Questions) -> Any:
        return question_scores(self.workspace.verifier("expression"), exam.frame)

    def _pooled(self, exam: Questions) -> Any:
        judged = self.reward.judge(exam.claims(), [""] * len(exam), exam.rates())
        return np.array([np.nan if item.v is None else item.v for item in judged])

    @staticmethod
    def _filled(scores: Any, prior: Any) -> Any:
        return np.where(np.isnan(scores), prior, scores)


def row_of(frame: pl.DataFrame, place: dict[str, str], name: str, scores: Any, last: Any) -> dict[str, Any]:
    """One predictor's measures, and how far the last stage is ahead of it."""
    measured = measure(frame, scores, 0)
    return {
        **place,
        "predictor": name,
        **{key: measured[key] for key in ("per_gene_auroc", "interval", "brier", "ece", "genes", "rows")},
        "mean": float(np.mean(scores)),
        "last stage minus it": None if scores is last else difference(frame, last, scores, 0),
        "better by": None if scores is last else brier_difference(frame, scores, last),
    }


def brier_difference(frame: pl.DataFrame, first: Any, second: Any) -> dict[str, float]:
    """First minus second Brier score with a 95 % interval: genes are resampled for both at once."""
    labels = frame["label"].to_numpy()
    losses = frame.select("gene", loss=pl.Series((first - labels) ** 2 - (second - labels) ** 2))
    genes = losses.group_by("gene", maintain_order=True).agg(pl.col("loss").sum(), pl.len())
    total, rows = genes["loss"].to_numpy(), genes["len"].to_numpy()
    drawn = np.random.default_rng(0).integers(0, len(genes), (1000, len(genes)))
    low, high = np.quantile(total[drawn].sum(axis=1) / rows[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(total.sum() / rows.sum()), "low": float(low), "high": float(high)}


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The plain mean over the cell lines of every task and predictor that has several."""
    found = []
    for task, name in dict.fromkeys((row["task"], row["predictor"]) for row in rows):
        mine = [row for row in rows if (row["task"], row["predictor"]) == (task, name)]
        if len(mine) > 1:
            keys = ("per_gene_auroc", "brier", "ece", "mean")
            average = {key: float(np.mean([row[key] for row in mine])) for key in keys}
            found.append({"cell_line": "mean", "task": task, "predictor": name, **average})
    return found


COLUMNS = (
    "task",
    "cell_line",
    "predictor",
    "per_gene_auroc",
    "interval",
    "last stage minus it",
    "brier",
    "better by",
    "ece",
    "mean",
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("run")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2"])
    parser.add_argument("--tasks", nargs="+", default=["de"], choices=("de", "dir"))
    parser.add_argument("--stages", nargs="+", default=["warmup", "grpo"], choices=("untrained", "warmup", "grpo"))
    parser.add_argument("--rows", type=int, help="of the rows, about so many, whole genes")
    parser.add_argument("--reader-rows", type=int, default=6400)
    parser.add_argument("--written", type=int, default=0, help="questions answered in writing, about")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    examination = Examination(Workspace(options.workspace), options.run, options.rows)
    rows = [
        row
        for task in options.tasks
        for line in options.lines
        for row in examination.table(line, task, options.stages, options.reader_rows)
    ]
    rows += means(rows)
    if options.written:
        for task in options.tasks:
            for line in options.lines:
                rows += examination.written_table(line, task, options.stages, options.written)
    if options.json:
        print(json.dumps(rows, indent=1, allow_nan=False))
        return
    print_table(COLUMNS, rows)


if __name__ == "__main__":
    main()
