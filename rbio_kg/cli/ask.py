"""The command `ask`: a trained policy's answer to one question, its reasoning checked against the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rbio_kg.cli.check import show_statements
from rbio_kg.cli.session import Session, UnfinishedOption, command
from rbio_kg.cli.tables import show_value
from rbio_kg.services.ask import Answer, AskedQuestion, Task, ask_run

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace


def show_answer(workspace: Workspace, answer: Answer) -> None:
    """The answer for people."""
    note = " (trained on SIMULATED labels)" if answer.simulated else ""
    note += " (UNFINISHED)" if answer.unfinished else ""
    print(answer.prompt)
    print()
    if answer.problem:
        print(f"no readable answer ({answer.problem}); the model wrote:")
        print(answer.reasoning)
    else:
        sure = answer.confidence
        print(f"{answer.answer}" + ("" if sure is None else f", confidence {sure:g}"))
        print(f"because: {answer.reasoning or 'it gives no reason'}")
    probability, stated, mass = map(show_value, (answer.probability, answer.stated, answer.answer_mass))
    print(f"by likelihood: yes {probability}, of {mass} on yes and no; as stated: {stated}")
    print(f"run {answer.run}{note}")
    print()
    show_statements(workspace, answer.statements)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @command(app, "ask")
    def ask(
        session: Session,
        question: Annotated[str | None, typer.Argument(help="A question in words, in quotes.")] = None,
        pert: Annotated[str | None, typer.Option("--pert", help="Instead: the gene that is knocked down.")] = None,
        gene: Annotated[str | None, typer.Option("--gene", help="The gene whose expression may change.")] = None,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Cell line; the run's otherwise.")] = None,
        task: Annotated[
            Task | None, typer.Option("--task", help="de: does it change; dir: does it increase; the run's otherwise.")
        ] = None,
        model: Annotated[str | None, typer.Option("--model", help="A run; the newest finished one otherwise.")] = None,
        temperature: Annotated[
            float, typer.Option("--temperature", min=0.0, help="0: the likeliest token each time.")
        ] = 0.0,
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of the sampling.")] = None,
        unfinished: UnfinishedOption = False,
    ) -> None:
        """Ask a trained policy; its reasoning is checked against the graph, statement by statement."""
        if (question is None) == (pert is None and gene is None):
            raise typer.BadParameter("give either QUESTION or --pert A --gene B")
        if question is None and (pert is None or gene is None):
            raise typer.BadParameter("--pert and --gene go together")
        if question is not None and task is not None:
            raise typer.BadParameter("--task goes with --pert and --gene: a QUESTION says itself what it asks")
        session.resume = "nothing was kept; ask again"
        workspace = session.workspace(seed=seed)
        query = AskedQuestion(question, pert, gene, cell_line, task)
        answer = ask_run(
            workspace,
            session.progress,
            session.say,
            query,
            run=model,
            temperature=temperature,
            unfinished=unfinished,
        )
        session.emit(answer.to_json(), lambda: show_answer(workspace, answer))
