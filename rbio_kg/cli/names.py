"""The options of every command that reads names, and how their losses are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from rbio_kg.cli.session import Session

AcceptOption = Annotated[
    bool, typer.Option("--accept-suggestions", help="Take the suggested gene where a name is not recognised.")
]
MostOption = Annotated[
    float,
    typer.Option("--max-unrecognised", min=0.0, max=1.0, help="Largest share of rows with names not recognised."),
]


def show_remarks(session: Session, remarks: Iterable[str]) -> None:
    """What people should know about the rows, on standard error."""
    for remark in remarks:
        session.say(remark)
