"""Any text against the graph, statement by statement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rbio_kg.core.errors import SourceError

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.verifiers.text.statements import Statement
    from rbio_kg.verifiers.text.unread import UnreadSentence


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        SourceError: there is no such file, or it is not UTF-8 (with the line).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SourceError("there is no such file", where=path) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError("the file is not UTF-8 text", where=path, line=line, hint="save it as UTF-8") from None


def statements_of(workspace: WorkspaceBase, text: str, where: str | Path) -> list[Statement]:
    """The statements of a text, checked.

    Raises:
        SourceError: the text says nothing.
        BuildError: there is no graph.
    """
    if not text.strip():
        raise SourceError("the text is empty", where=where, hint="give a sentence or more")
    return check_text(workspace, text)


def check_text(workspace: WorkspaceBase, text: str) -> list[Statement]:
    """Every statement of a text, checked: `verdict` is supported, contradicted or unknown, `evidence` is what decided.

    Raises:
        BuildError: there is no graph here.
    """
    return workspace.statement_checker.check(text, limit=max(len(text), 1))


def unread_sentences(workspace: WorkspaceBase, text: str) -> list[UnreadSentence]:
    """The sentences of a text from which no statement was read, each with the reason where it is known.

    Raises:
        BuildError: there is no graph here.
    """
    return workspace.statement_checker.unread(text)
