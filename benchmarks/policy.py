"""A trained policy on whole test splits, stage by stage, beside readers of the same facts and the verifiers.

    python benchmarks/policy.py RUN --workspace DIR [--lines k562 rpe1 hepg2] [--tasks de] [--stages warmup grpo]

All rows of the test genes that have both labels (what the per-gene AUROC reads), by the likelihood of yes (its mean is
the share of yes) and, in rows of their own, by the probability that the policy states over its answers and digits.
`similarity vote` is the gene prior and what the likest known knockdowns did beyond it. `regression` and `boosting` read
the same facts as numbers, fitted on `--reader-rows` train questions of the line with facts out of fold. A stage's
probabilities are kept in the run's folder (`evaluation/STAGE-LINE-TASK.csv`) and not computed again. `--stages
untrained` is the model before any training. `--written N`: on about N of the rows, whole genes, both after the policy's
own reasoning, sampled once a question. `better by` is the row's Brier score less that of the last stage, as differences
are: paired, bootstrapped over genes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.facts import features, plain_regression
from benchmarks.markdown import print_table
from benchmarks.policy_trials import silent, told
from benchmarks.similarity_vote import plain_vote
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


class Asked(NamedTuple):
    """The test questions of a line, train questions for the readers, and all train rows."""

    line: str
    task: str
    exam: Questions
    own: Questions
    train: pl.DataFrame

    @property
    def place(self) -> dict[str, str]:
        return {"cell_line": self.line, "task": self.task}


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

    def asked(self, line: str, task: str, reader_rows: int) -> Asked:
        """What is asked of a line, facts and all, audited for leaks."""
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
        return Asked(line, task, exam, own, train)

    def probabilities(self, stage: str, asked: Asked) -> dict[str, Any]:
        """P(yes) after a stage and what it states, each (n,); read from the run's folder where they are there."""
        return self._kept(f"{stage}-{asked.line}-{asked.task}", stage, asked.exam, None)

    def written(self, stage: str, asked: Asked) -> dict[str, Any]:
        """As `probabilities`, after a reasoning of the policy's own."""
        settings = self.config.grpo

        def reason(model: LanguageModel, prompts: list[str]) -> list[str]:
            length, heat = settings.max_tokens, settings.temperature
            texts = sample(model, prompts, samples=1, max_tokens=length, temperature=heat, progress=silent)
            return [written_reasoning(text) for (text,) in texts]

        return self._kept(f"{stage}-{asked.line}-{asked.task}-written", stage, asked.exam, reason)

    def _kept(
        self, name: str, stage: str, exam: Questions, reason: Callable[[LanguageModel, list[str]], list[str]] | None
    ) -> dict[str, Any]:
        """The readings of a file in the run's folder, made where it is not there or is of other questions."""
        file = self.run.folder / "evaluation" / f"{name}.csv"
        keys = exam.frame.select("pert", "gene", "label")
        if file.is_file():
            known = pl.read_csv(file, schema_overrides={"pert": pl.String, "gene": pl.String})
            if set(READINGS) <= set(known.columns) and known.drop(*READINGS).equals(keys):
                return {reading: known[reading].to_numpy() for reading in READINGS}
        started = time.monotonic()
        model, asked = self.model(stage), self.config.questions
        prompts = [prompt_text(model.tokenizer, item) for item in exam.prompts(asked.prompt, asked.system)]
        read = likelihood(model, prompts, reason(model, prompts) if reason else None, progress=silent)
        told(f"{name}: {len(exam)} questions, {time.monotonic() - started:.0f} s")
        found = {"score": read.probability, "stated": read.stated}
        write_rows(file, keys.with_columns(**{reading: pl.Series(values) for reading, values in found.items()}))
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

    def written_table(self, asked: Asked, stages: list[str], rows: int) -> list[dict[str, Any]]:
        """Two rows a stage and reading: without reasoning and with, on the same questions."""
        at = asked.exam.whole_gene_rows(rows=rows, seed=0)
        some = asked._replace(exam=asked.exam.take(at))
        alone = {stage: self.probabilities(stage, asked) for stage in stages}
        written = {stage: self.written(stage, some) for stage in stages}
        found = []
        for reading, ending in READINGS.items():
            read = {}
            for stage in stages:
                read[f"{stage}{ending}, {len(at)} rows"] = alone[stage][reading][at]
                read[f"{stage}{ending}, in writing, {len(at)} rows"] = written[stage][reading]
            last = list(read.values())[-1]
            found += [row_of(some.exam.frame, asked.place, name, scores, last) for name, scores in read.items()]
        return found

    def table(self, asked: Asked, stages: list[str]) -> list[dict[str, Any]]:
        """One row a predictor of one line and task."""
        exam = asked.exam
        read = {stage: self.probabilities(stage, asked) for stage in stages}
        last = read[stages[-1]]
        found: dict[str, Any] = {
            stage + ending: read[stage][name] for name, ending in READINGS.items() for stage in stages
        }
        baselines = baseline_scores(exam.frame, asked.train)
        found |= self.readers(exam, asked.own)
        found["expression model"] = self._filled(self._expression(exam), baselines["gene_prior"])
        found["the reward's v"] = self._filled(self._pooled(exam), baselines["gene_prior"])
        found["similarity vote"] = self._vote(exam, baselines["gene_prior"])
        found |= {name: baselines[name] for name in ("gene_prior", "pair_copy", "perturbation_strength")}
        rows = []
        for name, scores in found.items():
            beside = last["stated" if name.endswith(READINGS["stated"]) else "score"]
            rows.append(row_of(exam.frame, asked.place, name, scores, beside))
        return rows

    def _expression(self, exam: Questions) -> Any:
        return question_scores(self.workspace.verifier("expression"), exam.frame)

    def _vote(self, exam: Questions, prior: Any) -> Any:
        return np.clip(prior + plain_vote(self.workspace.verifier("expression").model, exam.frame), 0.0, 1.0)

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
    rows: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for task in options.tasks:
        for line in options.lines:
            asked = examination.asked(line, task, options.reader_rows)
            rows += examination.table(asked, options.stages)
            if options.written:
                written += examination.written_table(asked, options.stages, options.written)
    rows += means(rows) + written
    if options.json:
        print(json.dumps(rows, indent=1, allow_nan=False))
        return
    print_table(COLUMNS, rows)


if __name__ == "__main__":
    main()
