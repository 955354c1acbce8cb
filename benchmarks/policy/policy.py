"""A trained policy on complete test splits, stage by stage, compared with readers of the same facts and the verifiers.

    python -m benchmarks.policy.policy RUN --workspace DIR [--lines k562 rpe1 hepg2] [--tasks de] [--stages warmup grpo]

Rows: all rows of the test genes that have both labels, as the per-gene AUROC needs them. Each stage has two
predictors: the likelihood of yes (its mean is the share of yes), and `as stated`, the probability that the policy
states over its answers and digits. `similarity vote` is the gene's base rate plus the vote of the most similar known
knockdowns. `regression` and `boosting` read the same facts as numbers. They are fitted on `--reader-rows` train
questions of the line, with facts out of fold.

A stage's probabilities are saved in the run's folder (`evaluation/STAGE-LINE-TASK.csv`) and not computed again.
`--stages untrained` is the model before any training. `--written N` adds, on about N rows of complete genes, both
predictors after the policy's own reasoning (mean over `--samples`), and the votes of these completions: the mean
probability that they state. `better by` is the row's Brier score minus that of the last stage. Differences are paired
and bootstrapped over genes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks.markdown import print_table
from benchmarks.policy.plain_readers import read_by, vote_probabilities
from benchmarks.policy.policy_rows import COLUMNS, means, row_of
from benchmarks.policy.policy_trials import pooled, report
from rbio_kg.core.progress import silent
from rbio_kg.services.train import recipe_reward
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.perturbqa_csv import write_rows
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import EvaluationInputs, as_trained
from rbio_kg.training.evaluation.leakage import audit_policy
from rbio_kg.training.models.adapters import load_stages
from rbio_kg.training.models.decoding import Likelihood, Sampling, likelihood, sample
from rbio_kg.training.models.loading import load_model, prepare_model
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.prompts.parser import parse_completion, vote, written_reasoning
from rbio_kg.training.runs.run_folder import Run, find_run
from rbio_kg.verifiers.evaluation.baselines import baseline_scores
from rbio_kg.verifiers.evaluation.scorecard import question_scores
from rbio_kg.verifiers.splits import divide
from rbio_kg.workspace import Workspace

READ_OUTS = {"score": "", "stated": ", as stated"}
"""Columns of a stage's file, and the endings of the row names in a table."""
VOTES = "votes"
"""Column of the votes in a stage's file of written answers."""


class LineQuestions(NamedTuple):
    """The test questions of a line, train questions for the readers, and all train rows."""

    line: str
    task: str
    evaluation_rows: QuestionSet
    reader_rows: QuestionSet
    train: pl.DataFrame

    @property
    def columns(self) -> dict[str, str]:
        return {"cell_line": self.line, "task": self.task}


class EvaluatedRun:
    """A run and the workspace that it was trained in."""

    def __init__(self, workspace: Workspace, name: str, rows: int | None = None) -> None:
        self.workspace, self.rows = workspace, rows
        self.run = Run(find_run(workspace.paths, name))
        self.config = PolicyConfig.make(dict(self.run.manifest.config))
        self.base = prepare_model(self.config.model.name, workspace.paths.models, report)
        self.reward = recipe_reward(workspace, self.config)
        self._models: dict[str, LanguageModel] = {}

    def model(self, stage: str) -> LanguageModel:
        """The model after a stage; one at a time stays loaded."""
        if stage not in self._models:
            method, weights = self.config.model.method, self.config.model.weights
            self._models = {
                stage: load_model(self.base, weights)
                if stage == "untrained"
                else load_stages(self.base, self.run.model, method, weights, stage)
            }
        return self._models[stage]

    def questions_of(self, line: str, task: str, reader_rows: int) -> LineQuestions:
        """The questions of a line with their facts, audited for leakage."""
        division = divide(
            self.workspace.tables["questions"], self.config.questions.split_scheme, line, seed=self.config.seed
        )
        train = division.train.filter(pl.col("task") == task)
        questions = QuestionSet(pl.concat([division.train, division.test]))
        test = questions.select(split="test", cell_line=line, task=task)
        evaluation_rows = test.complete_genes(rows=self.rows or len(test), seed=0)
        # A line that is left out has no train rows: the readers are fitted on the other lines, as was the policy.
        own_line = None if self.config.questions.split_scheme == "leave-one-line-out" else line
        own = (
            questions.select(split="train", cell_line=own_line, task=task)
            .pairs(seed=1)
            .limit(reader_rows, keep_pairs=True)
        )
        evaluation_rows, own = self.as_trained(evaluation_rows), self.as_trained(own)
        audit_policy(
            evaluation_rows,
            test.frame,
            self.config.questions.split_scheme,
            EvaluationInputs(train, reward=self.reward, knockdowns=self.workspace.tables["knockdowns"]),
            trained_on=self.run.read_questions(),
            where=self.run.folder,
        )
        return LineQuestions(line, task, evaluation_rows, own, train)

    def as_trained(self, questions: QuestionSet) -> QuestionSet:
        """The questions with the facts and the names of the run's training."""
        source = self.workspace.fact_source() if self.config.questions.prompt == "open" else None
        return as_trained(questions, self.run, self.config, self.base, facts=source, snapshot=self.workspace.snapshot)

    def probabilities(self, stage: str, questions: LineQuestions) -> dict[str, Any]:
        """P(yes) after a stage and the stated probability, each (n,); read from the run's folder if they are there."""

        def read() -> dict[str, Any]:
            return read_outs(likelihood(*self.prompts(stage, questions.evaluation_rows), progress=silent))

        return self._kept(f"{stage}-{questions.line}-{questions.task}", questions.evaluation_rows, READ_OUTS, read)

    def written(self, stage: str, questions: LineQuestions, samples: int) -> dict[str, Any]:
        """As `probabilities`, means over sampled reasonings, and `votes`: the mean q of the sampled completions, or one
        half where none can be parsed."""
        settings = self.config.grpo

        def read() -> dict[str, Any]:
            model, prompts = self.prompts(stage, questions.evaluation_rows)
            length, heat = settings.max_tokens, settings.temperature
            texts = sample(model, prompts, Sampling(samples, length, temperature=heat), progress=silent)
            again = [prompt for prompt in prompts for _ in range(samples)]
            reasonings = [written_reasoning(text) for group in texts for text in group]
            found = read_outs(likelihood(model, again, reasonings, progress=silent))
            parsed = [[parse_completion(text, require_confidence=True) for text in group] for group in texts]
            return {
                **{name: values.reshape(-1, samples).mean(axis=1) for name, values in found.items()},
                VOTES: np.array([vote(group) for group in parsed]),
            }

        name = f"{stage}-{questions.line}-{questions.task}-written-{samples}"
        return self._kept(name, questions.evaluation_rows, (*READ_OUTS, VOTES), read)

    def prompts(self, stage: str, evaluation_rows: QuestionSet) -> tuple[LanguageModel, list[str]]:
        """The model after a stage, and the questions as it reads them."""
        model, section = self.model(stage), self.config.questions
        return model, [
            prompt_text(model.tokenizer, item) for item in evaluation_rows.prompts(section.prompt, section.system)
        ]

    def _kept(
        self, name: str, evaluation_rows: QuestionSet, columns: Collection[str], read: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The columns of a file in the run's folder; computed if it is missing or has other questions."""
        file = self.run.folder / "evaluation" / f"{name}.csv"
        keys = evaluation_rows.frame.select("pert", "gene", "label")
        if file.is_file():
            known = pl.read_csv(file, schema_overrides={"pert": pl.String, "gene": pl.String})
            if set(columns) <= set(known.columns) and known.drop(*columns).equals(keys):
                return {column: known[column].to_numpy() for column in columns}
        started = time.monotonic()
        found = read()
        report(f"{name}: {len(evaluation_rows)} questions, {time.monotonic() - started:.0f} s")
        write_rows(file, keys.with_columns(**{column: pl.Series(values) for column, values in found.items()}))
        return found

    def written_table(
        self, questions: LineQuestions, stages: list[str], rows: int, samples: int
    ) -> list[dict[str, Any]]:
        """Two rows per stage and read-out, without and with reasoning, and one row of votes, on the same questions."""
        at = questions.evaluation_rows.complete_gene_rows(rows=rows, seed=0)
        some = questions._replace(evaluation_rows=questions.evaluation_rows.take(at))
        alone = {stage: self.probabilities(stage, questions) for stage in stages}
        written = {stage: self.written(stage, some, samples) for stage in stages}
        tables: list[dict[str, Any]] = []
        for column, ending in READ_OUTS.items():
            read = {}
            for stage in stages:
                read[f"{stage}{ending}, {len(at)} rows"] = alone[stage][column][at]
                read[f"{stage}{ending}, in writing, {len(at)} rows"] = written[stage][column]
            tables.append(read)
        tables.append({f"{stage}, votes of {samples}, {len(at)} rows": written[stage][VOTES] for stage in stages})
        return [
            row_of(some.evaluation_rows.frame, questions.columns, name, scores, list(read.values())[-1])
            for read in tables
            for name, scores in read.items()
        ]

    def table(self, questions: LineQuestions, stages: list[str]) -> list[dict[str, Any]]:
        """One row per predictor, of one line and task."""
        evaluation_rows = questions.evaluation_rows
        read = {stage: self.probabilities(stage, questions) for stage in stages}
        last = read[stages[-1]]
        found: dict[str, Any] = {
            stage + ending: read[stage][name] for name, ending in READ_OUTS.items() for stage in stages
        }
        baselines = baseline_scores(evaluation_rows.frame, questions.train)
        found |= read_by(evaluation_rows, questions.reader_rows, self.workspace.snapshot)
        found["expression model"] = self._filled(self._expression(evaluation_rows), baselines["gene_prior"])
        found["the reward's v"] = self._filled(pooled(self.reward, evaluation_rows), baselines["gene_prior"])
        expression: Any = self.workspace.verifier("expression")
        found["similarity vote"] = vote_probabilities(expression.model, evaluation_rows.frame, questions.train)
        found |= {name: baselines[name] for name in ("gene_prior", "pair_copy", "perturbation_strength")}
        rows = []
        for name, scores in found.items():
            reference = last["stated" if name.endswith(READ_OUTS["stated"]) else "score"]
            rows.append(row_of(evaluation_rows.frame, questions.columns, name, scores, reference))
        return rows

    def _expression(self, evaluation_rows: QuestionSet) -> Any:
        return question_scores(self.workspace.verifier("expression"), evaluation_rows.frame)

    @staticmethod
    def _filled(scores: Any, prior: Any) -> Any:
        return np.where(np.isnan(scores), prior, scores)


def read_outs(found: Likelihood) -> dict[str, Any]:
    """The columns that `READ_OUTS` names."""
    return {"score": found.probability, "stated": found.stated}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("run")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", default=["k562", "rpe1", "hepg2"])
    parser.add_argument("--tasks", nargs="+", default=["de"], choices=("de", "dir"))
    parser.add_argument("--stages", nargs="+", default=["warmup", "grpo"], choices=("untrained", "warmup", "grpo"))
    parser.add_argument("--rows", type=int, help="number of rows, about; complete genes")
    parser.add_argument("--reader-rows", type=int, default=6400)
    parser.add_argument("--written", type=int, default=0, help="questions answered in writing, about")
    parser.add_argument("--samples", type=int, default=1, help="written answers of a question")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    evaluated = EvaluatedRun(Workspace(options.workspace), options.run, options.rows)
    rows: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for task in options.tasks:
        for line in options.lines:
            questions = evaluated.questions_of(line, task, options.reader_rows)
            rows += evaluated.table(questions, options.stages)
            if options.written:
                written += evaluated.written_table(questions, options.stages, options.written, options.samples)
    rows += means(rows) + written
    print_table(COLUMNS, rows, as_json=options.json)


if __name__ == "__main__":
    main()
