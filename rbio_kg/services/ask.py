"""A trained policy's answer to one question, its reasoning checked against the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Claim
from rbio_kg.core.errors import ClaimError
from rbio_kg.core.progress import Progress
from rbio_kg.services.check import check_text

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
class Answered:
    """The document of `ask` and the statements in it."""

    document: dict[str, Any]
    statements: list[Statement]


def ask_run(
    workspace: WorkspaceBase,
    progress: Progress,
    say: Callable[[str], None],
    query: AskedQuestion,
    *,
    run: str | None,
    temperature: float = 0.0,
) -> Answered:
    """Ask a run's policy one question and check its reasoning.

    Args:
        workspace: with the graph that the run was trained on; its seed seeds the sampling.
        progress: called with a message and the finished share.
        say: called with a line on how the question was understood, where that is not plain.
        query: the question.
        run: its name; None: the newest finished one.
        temperature: of the sampling; 0 takes the likeliest token each time.

    Raises:
        TrainingError, ModelError: no run of that name, or none that was trained on this graph.
        SelectionError: a gene is unknown or ambiguous.
        ClaimError: an unknown cell line, or a question that asks nothing.
        VerifierError: the recipe's prompts are open, and the expression verifier is not fitted or not on the cell line.
    """
    from rbio_kg.training.models.decoding import Sampling
    from rbio_kg.training.pipeline.ask import ask_policy, trained_run

    trained = trained_run(workspace.paths, run, workspace.build_id)
    found, recipe = trained.run, trained.config
    question = _question(workspace, recipe, query, say)
    _remark(found.folder.name, found.manifest.status, recipe, question, say)
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
    statements = check_text(workspace, reasoning)
    claim = None if isinstance(question, str) else question.claim
    document: dict[str, Any] = {
        "run": found.folder.name,
        "claim": claim and {name: getattr(claim, name) for name in ("subject", "relation", "object", "cell_line")},
        "prompt": reply.prompt,
        "reasoning": reasoning,
        "answer": parsed.answer,
        "confidence": parsed.confidence,
        "statements": [item.to_json() for item in statements],
        "probability": reply.probability,
        "stated": reply.stated,
        "answer_mass": reply.answer_mass,
        "simulated": found.manifest.simulated,
    }
    if parsed.problem:
        document["problem"] = parsed.problem
    return Answered(document, statements)


def _question(
    workspace: WorkspaceBase, recipe: PolicyConfig, query: AskedQuestion, say: Callable[[str], None]
) -> ReadQuestion | str:
    from rbio_kg.training.data.parsing import ReadQuestion, lines_named, read_question

    known = set(workspace.tables["cell_lines"]["name"])
    line = (query.cell_line or recipe.questions.cell_line or "").lower() or None
    if line is not None and line not in known:
        raise ClaimError(
            f"the graph knows no cell line {line!r}", where="--cell-line", hint="it knows " + ", ".join(sorted(known))
        )
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
    (symbol,) = workspace.graph.gene_labels.resolve([label])
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
