"""The `rbio-kg` command."""

from __future__ import annotations

import io
import os
import sys

# Before torch is imported anywhere: spinning OpenMP threads make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' own bars; the commands show their progress themselves

from pathlib import Path
from typing import Annotated

import typer

from rbio_kg import __version__
from rbio_kg.cli import (
    ask,
    check,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    graph,
    query,
    questions,
    recipes,
    runs,
    train,
    verifiers,
)

PANELS = {
    "Start": ("quickstart", "demo", "doctor", "version"),
    "Graph": ("fetch", "build", "stats", "query", "export", "evidence"),
    "Verifiers": ("explain", "score", "check", "verifiers"),
    "Training": ("questions", "recipes", "rewards", "train", "ablate", "export-model"),
    "Evaluation": ("evaluate", "ask", "runs", "report"),
}
"""The commands by subject, in the order of `--help`."""

app = typer.Typer(
    name="rbio-kg",
    help="Post-train a language model on biology, with rewards from a gene and pathway knowledge graph.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: rbio-kg quickstart",
    pretty_exceptions_enable=False,
)
for group in (
    *(demo, graph, export, query, explain, verifiers, check),
    *(questions, recipes, train, evaluate, ask, runs, doctor),
):
    group.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def before_the_command(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", help="The same option as of each command, which wins.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Post-train a language model on biology, with rewards from a gene and pathway knowledge graph."""
    context.obj = workspace


_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}
for single in app.registered_commands:
    single.rich_help_panel = _PANEL_OF[str(single.name)]
for several in app.registered_groups:
    several.rich_help_panel = _PANEL_OF[str(several.name)]


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot show a character gets its escape, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
