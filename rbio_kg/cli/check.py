"""The command `check`: any text against the graph, statement by statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table, show_value
from rbio_kg.services.check import read_text, statements_of, unread_sentences

if TYPE_CHECKING:
    from rbio_kg.core.claims import Evidence
    from rbio_kg.verifiers.text.statements import Statement
    from rbio_kg.verifiers.text.unread import UnreadSentence
    from rbio_kg.workspace import Workspace

SHOWN_UNREAD = 10
"""Number of unread sentences that are printed."""
VERDICTS = ("supported", "contradicted", "unknown")


def show_statements(workspace: Workspace, statements: Sequence[Statement]) -> None:
    """Print the statements, each with its verdict and the evidence."""
    if not statements:
        print("no statement about genes that could be checked")
        return
    rows = [(item.verdict, _in_words(workspace, item), _cited(item.evidence), item.text) for item in statements]
    show_table(["verdict", "statement", "evidence", "text"], rows)
    counts: Counter[str] = Counter(item.verdict for item in statements)
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS))
    if any(item.simulated for item in statements):
        print("SIMULATED labels: statements about knockdowns are checked against them")


def show_unread(unread: Sequence[UnreadSentence]) -> None:
    """Print how many sentences were not read, and the first of them with the reason."""
    if not unread:
        return
    print(f"not read: {len(unread)} {'sentence' if len(unread) == 1 else 'sentences'}")
    for item in unread[:SHOWN_UNREAD]:
        print(f"  {item.text} ({item.reason})")
    if len(unread) > SHOWN_UNREAD:
        print(f"  and {len(unread) - SHOWN_UNREAD} more; --json has all")


def _in_words(workspace: Workspace, item: Statement) -> str:
    denied = "not " if item.polarity == "negated" else ""
    hedged = " (hedged)" if item.certainty == "hedged" else ""
    name = term_name(workspace, item.object)
    thing = f"{name} ({item.object})" if name else item.object
    return f"{item.subject} {denied}{item.relation} {thing}{hedged}"


def term_name(workspace: Workspace, key: str) -> str | None:
    """The name of a GO term or pathway, None for a gene."""
    snapshot = workspace.snapshot
    if (position := snapshot.terms.index(key)) >= 0:
        return snapshot.term_names[position]
    if (position := snapshot.pathways.index(key)) >= 0:
        return snapshot.pathway_names[position]
    return None


def _cited(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return "-"
    steps = []
    for element in evidence:
        detail = ", ".join(f"{name} {show_value(value)}" for name, value in element.detail.items())
        edge = f"({element.start.key})-[{element.type}]->({element.end.key})"
        steps.append(f"{edge} {detail}" if detail else edge)
    return "\n".join(steps)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @command(app, "check")
    def check(
        session: Session,
        text: Annotated[str | None, typer.Argument(help="Sentences, in quotes.")] = None,
        file: Annotated[Path | None, typer.Option("--file", help="A UTF-8 text file instead.")] = None,
    ) -> None:
        """Extract the statements of any text and check each against the graph."""
        if (text is None) == (file is None):
            raise typer.BadParameter("give either TEXT or --file FILE")
        content = read_text(file) if file is not None else text or ""
        workspace = session.workspace()
        statements = statements_of(workspace, content, file or "TEXT")
        simulated = any(item.simulated for item in statements)
        unread = unread_sentences(workspace, content)
        document: dict[str, Any] = {
            "statements": [item.to_json() for item in statements],
            "unread": [item.to_json() for item in unread],
            "simulated": simulated,
        }

        def show() -> None:
            show_statements(workspace, statements)
            show_unread(unread)

        session.emit(document, show)
