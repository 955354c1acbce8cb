"""A trained policy's answer to one question, its reasoning checked against the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Claim
from rbio_kg.core.errors import ClaimError
from rbio_kg.core.progress import Progress
from rbio_kg.services.check import check_text
from rbio_kg.services.explain import COLUMNS

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.data.parsing import ReadQuestion
    from rbio_kg.verifiers.text.statements import Statement


Task = Literal["de", "dir"]


@dataclass(frozen=True)
class AskedQuestion:
    """What a user asks: a question in words, or two genes."""

    text: str | None = None
    pert: str | None = None
    gene: str | None = None
    cell_line: str | None = None
    task: Task | None = None


@dataclass(frozen=True)
class Answer:
    """A policy's answer, with its reasoning checked against the graph.

    Args:
        run: the policy's run.
        claim: of the question; None where a question in words was given to the model as it is.
        prompt: that the model read.
        reasoning: what the model wrote before its answer; everything that it wrote where there is a `problem`.
        answer: `yes` or `no`; None where there is a `problem`.
        confidence: as the model states it, 0 to 1; None where it states none.
        statements: of the reasoning, each with its verdict.
        probability: of yes against no by the model's likelihoods, 0 to 1.
        stated: expected stated probability of yes, 0 to 1.
        answer_mass: likelihood of yes and no together, 0 to 1.
        simulated: whether any label that the policy was trained on is simulated.
        unfinished: whether the policy's run is unfinished.
        problem: why the answer cannot be read; None where it can.
    """

    run: str
    claim: Claim | None
    prompt: str
    reasoning: str
    answer: str | None
    confidence: float | None
    statements: tuple[Statement, ...]
    probability: float
    stated: float
    answer_mass: float
    simulated: bool
    unfinished: bool = False
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of the command `ask`; `problem` only where there is one."""
        document = {
            "run": self.run,
            "claim": self.claim and {name: getattr(self.claim, name) for name in COLUMNS},
            "prompt": self.prompt,
            "reasoning": self.reasoning,
            "answer": self.answer,
            "confidence": self.confidence,
            "statements": [item.to_json() for item in self.statements],
            "probability": self.probability,
            "stated": self.stated,
            "answer_mass": self.answer_mass,
            "simulated": self.simulated,
            "unfinished": self.unfinished,
        }
        return {**document, "problem": self.problem} if self.problem else document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The answer that `to_json` wrote; further keys are left out."""
        from rbio_kg.verifiers.text.statements import Statement

        values = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        claim = document["claim"]
        values["claim"] = claim and Claim(*(claim[name] for name in COLUMNS))
        values["statements"] = tuple(Statement.from_json(item) for item in document["statements"])
        return cls(**values)


def ask_run(
    workspace: WorkspaceBase,
    progress: Progress,
    say: Callable[[str], None],
    query: AskedQuestion,
    *,
    run: str | None,
    temperature: float = 0.0,
    unfinished: bool = False,
) -> Answer:
    """Ask a run's policy one question and check its reasoning.

    Args:
        workspace: with the graph that the run was trained on; its seed seeds the sampling.
        progress: called with a message and the finished share.
        say: called with a line on how the question was understood, where that is not plain.
        query: the question.
        run: its name; None: the newest finished one.
        temperature: of the sampling; 0 takes the likeliest token each time.
        unfinished: whether a run that is named may be unfinished.

    Raises:
        TrainingError, ModelError: no run of that name, none that was trained on this graph, or an unfinished one.
        SelectionError: a gene is unknown or ambiguous.
        ClaimError: an unknown cell line, or a question that asks nothing.
        VerifierError: the recipe's prompts are open, and the expression verifier is not fitted or not on the cell line.
    """
    from rbio_kg.training.models.decoding import Sampling
    from rbio_kg.training.pipeline.ask import ask_policy, trained_run

    build = None if workspace.allow_stale else workspace.build_id
    trained = trained_run(workspace.paths, run, build, unfinished=unfinished)
    workspace.accept_run(trained.run.manifest)
    found, recipe = trained.run, trained.config
    question = _question(workspace, recipe, query, say)
    _remark(found.folder.name, found.status, recipe, question, say)
    facts = workspace.fact_source() if recipe.questions.prompt == "open" and not isinstance(question, str) else None
    reply = ask_policy(
        workspace.paths,
        trained,
        question,
        Sampling(1, recipe.grpo.max_tokens, temperature=temperature, seed=workspace.settings.seed),
        facts=facts,
        snapshot=workspace.snapshot,
        progress=progress,
    )
    parsed = reply.parsed
    reasoning = reply.completion if parsed.problem else parsed.think
    return Answer(
        run=found.folder.name,
        claim=None if isinstance(question, str) else question.claim,
        prompt=reply.prompt,
        reasoning=reasoning,
        answer=parsed.answer,
        confidence=parsed.confidence,
        statements=tuple(check_text(workspace, reasoning)),
        probability=reply.probability,
        stated=reply.stated,
        answer_mass=reply.answer_mass,
        simulated=found.manifest.simulated,
        unfinished=trained.unfinished,
        problem=parsed.problem,
    )


def _question(
    workspace: WorkspaceBase, recipe: PolicyConfig, query: AskedQuestion, say: Callable[[str], None]
) -> ReadQuestion | str:
    from rbio_kg.training.data.parsing import ReadQuestion, lines_named, read_question

    known = set(workspace.tables["cell_lines"]["name"])
    wanted = query.cell_line or recipe.questions.cell_line or None
    line = None if wanted is None else workspace.graph.identity.known_line(wanted)
    # Runs on all lines have none of their own, and every question that they were trained on names one.
    missing = ClaimError(
        "the question needs a cell line", hint="name one with --cell-line: " + ", ".join(sorted(known))
    )
    if query.text is None:
        if line is None:
            raise missing
        symbols = [_symbol(workspace, label, say) for label in (query.pert or "", query.gene or "")]
        if symbols[0] == symbols[1]:
            raise ClaimError(f"{symbols[0]} is named twice", where="--gene", hint="name two different genes")
        task = query.task or recipe.questions.task
        return ReadQuestion(Claim(symbols[0], TASK_RELATION[task], symbols[1], line), task)
    text = " ".join(query.text.split())
    if not text:
        raise ClaimError("the question is empty", where="QUESTION", hint="ask something, in quotes")
    named = lines_named(text, known)
    if query.cell_line is not None and named not in ([], [line]):
        raise ClaimError(
            f"the question is about {' and '.join(named)}, not about {line}", where="--cell-line", hint="leave it out"
        )
    lexicon = workspace.statement_checker.lexicon
    question = read_question(text, lexicon, cell_line=line, known=known)
    if question is None:
        say(
            "the question is given to the model as it is, without facts: it does not plainly name two genes of the "
            "graph and what the loss of one does to the other (--pert and --gene do)"
        )
        return text
    if question.claim.cell_line is None and question.claim.relation in KNOCKDOWN_RELATIONS:
        raise missing
    say(f"understood as: {question.claim}")
    return question


def _symbol(workspace: WorkspaceBase, label: str, say: Callable[[str], None]) -> str:
    symbol = workspace.graph.identity.symbol(label)
    if symbol != label:
        say(f"{label} is {symbol}")
    return symbol


def _remark(
    run: str, status: str, recipe: PolicyConfig, question: ReadQuestion | str, say: Callable[[str], None]
) -> None:
    """What a user should know before relying on an answer."""
    settings = recipe.questions
    if status != "finished":
        say(f"run {run} is {status}: what is saved of it answers")
    if isinstance(question, str):
        return
    trained_on = settings.families or [settings.task]
    if settings.file is None and question.family not in trained_on:
        say(f"run {run} was trained on questions of the kind {', '.join(trained_on)}, not {question.family}")
    if settings.shuffle_names:
        say("the recipe gives genes other names in its prompts: the reasoning speaks of those")
