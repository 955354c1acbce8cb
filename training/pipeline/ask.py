"""One question to a trained policy, in the prompt that its recipe makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.evaluation.inputs import as_trained
from rbio_kg.training.models.adapters import load_stages, trained_stages
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.models.loading import prepare_model
from rbio_kg.training.prompts.messages import prompt_text, system_messages
from rbio_kg.training.prompts.parser import ParsedCompletion, parse_completion
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.run_folder import Run, check_finished, find_run, list_runs

if TYPE_CHECKING:
    from rbio_kg.core.paths import WorkspacePaths
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.data.parsing import ReadQuestion
    from rbio_kg.training.prompts.facts import FactSource


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a policy to one question.

    Args:
        prompt: the question with its facts, without the chat template.
        completion: the sampled text.
        parsed: the parts of the completion.
        probability: of yes against no without reasoning, 0 to 1; `evaluate policy` ranks by it.
        stated: mean of the probability that it would state without reasoning (see `decoding.Likelihood`).
        answer_mass: probability of yes and no together without reasoning. Far below 1, `probability` says little.
    """

    prompt: str
    completion: str
    parsed: ParsedCompletion
    probability: float
    stated: float
    answer_mass: float


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A run with a trained policy, its recipe, and whether it is unfinished."""

    run: Run
    config: PolicyConfig
    unfinished: bool = False


def trained_run(
    paths: WorkspacePaths, name: str | None, build_id: str | None, *, unfinished: bool = False
) -> TrainedRun:
    """A run whose policy can answer questions; without a name, the newest finished one.

    Args:
        paths: the workspace.
        name: of the run.
        build_id: of the graph in use: a policy answers only on the graph that it was trained on. None allows any.
        unfinished: whether a named run may be unfinished.

    Raises:
        TrainingError: there is no such run, it trained no policy, it was trained on another graph, or it is unfinished.
        ModelError: nothing is trained yet.
    """
    if name is None:
        finished = [run for run in list_runs(paths) if run.status == "finished" and run.kind == "training"]
        if not finished:
            raise TrainingError(
                "there is no finished run of a policy",
                where=paths.runs,
                hint="run rbio-kg train policy, or name one with --model",
            )
        name = finished[-1].name
    run = Run(find_run(paths, name))
    manifest: RunManifest = run.manifest
    if manifest.kind != "training":
        raise TrainingError(
            f"run {name} is a run of kind {manifest.kind}, not the training of a policy",
            where=run.manifest_file,
            hint="rbio-kg runs list shows every run's kind",
        )
    incomplete = check_finished(run, unfinished=unfinished)
    trained_stages(run)
    if build_id is not None and manifest.build_id != build_id:
        raise TrainingError(
            f"run {name} was trained on the graph {manifest.build_id}, but the build in use is {build_id}",
            where=run.manifest_file,
            hint="build that graph again, name another run with --model, train one on this graph, or add --allow-stale",
        )
    return TrainedRun(run, PolicyConfig.make(dict(manifest.config), where=str(run.manifest_file)), incomplete)


def ask_policy(
    paths: WorkspacePaths,
    trained: TrainedRun,
    question: ReadQuestion | str,
    sampling: Sampling,
    *,
    facts: FactSource | None,
    snapshot: Snapshot | None,
    progress: Progress,
) -> Reply:
    """One answer of a policy.

    Args:
        paths: the workspace.
        trained: as `trained_run` gave it.
        question: a parsed question, put as in an evaluation; or the user's own words, which get no facts.
        sampling: of the completion; only its first sample is used.
        facts: knowledge source of the facts; only needed where the recipe's prompts are open.
        snapshot: the graph.
        progress: called with what happens.

    Raises:
        TrainingError, ModelError: something that the prompt or the model needs is missing or corrupt.
        VerifierError: the knowledge source does not know the cell line.
    """
    run, config = trained.run, trained.config
    base = prepare_model(config.model.name, paths.models, progress)
    section = config.questions
    if isinstance(question, str):
        messages = [*system_messages(section.system), {"role": "user", "content": question}]
    else:
        one = _one(question, section.templates == "all")
        questions = as_trained(one, run, config, base, facts=facts, snapshot=snapshot)
        (messages,) = questions.prompts(section.prompt, section.system)
    progress(f"loading the policy of {run.folder.name}", None)
    model = load_stages(base, run.model, config.model.method, config.model.weights)
    prompt = prompt_text(model.tokenizer, messages)
    read = likelihood(model, [prompt], progress=progress)
    completion = sample(model, [prompt], sampling, progress=progress)[0][0]
    return Reply(
        prompt=messages[-1]["content"],
        completion=completion,
        parsed=parse_completion(completion),
        probability=float(read.probability[0]),
        stated=float(read.stated[0]),
        answer_mass=float(read.mass[0]),
    )


def _one(question: ReadQuestion, any_template: bool) -> QuestionSet:
    claim = question.claim
    columns = {
        "pert": claim.subject,
        "gene": claim.object,
        "cell_line": claim.cell_line,
        "task": question.family,
        "relation": str(claim.relation),
        "object_name": question.object_name,
    }
    frame = pl.DataFrame({name: [value] for name, value in columns.items()}, schema=dict.fromkeys(columns, pl.String))
    return QuestionSet(frame.with_columns(template=pl.lit(question.template if any_template else 0, pl.Int64)))
