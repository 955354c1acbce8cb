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


EXAMPLES = {
    "quickstart": "quickstart --workspace first",
    "demo": "demo --workspace first",
    "doctor": "doctor",
    "version": "version --json",
    "fetch": "fetch string hgnc",
    "build": "build --min-score 700",
    "stats": "stats --digest",
    "query": "query --named neighbours --param symbol=TP53",
    "export": "export --graphml near.graphml --genes TP53,MDM2",
    "export-model": "export-model RUN --merge --out policy",
    "evidence load": "evidence load RUN",
    "explain": "explain RBMX PTBP2 --cell-line k562",
    "score": "score claims.csv --out scores.parquet",
    "check": 'check "MDM2 binds TP53."',
    "verifiers list": "verifiers list",
    "verifiers card": "verifiers card expression",
    "verifiers check": "verifiers check graph_path",
    "verifiers add": "verifiers add vcm --predictions predictions.parquet",
    "verifiers remove": "verifiers remove vcm",
    "questions make": "questions make --out questions.parquet",
    "questions from-de": "questions from-de de.csv --cell-line k562 --out questions.csv",
    "questions from-h5ad": "questions from-h5ad screen.h5ad --cell-line k562 --out questions.csv",
    "recipes list": "recipes list",
    "rewards check": "rewards check --config graph",
    "train link-predictor": "train link-predictor",
    "train expression": "train expression --cell-line k562",
    "train policy": "train policy --config graph --dry-run",
    "ablate": "ablate --recipe graph --recipe vcm --steps 20",
    "evaluate expression": "evaluate expression --questions k562-de.csv --cell-line k562",
    "evaluate predictions": "evaluate predictions mine.csv --questions k562-de.csv",
    "evaluate policy": "evaluate policy RUN",
    "ask": "ask --pert RBMX --gene PTBP2",
    "runs list": "runs list",
    "runs show": "runs show RUN",
    "report": "report RUN",
}
"""An example of each command, shown at the end of its help."""


def _add_examples(typers: typer.Typer, before: str = "") -> None:
    for item in typers.registered_commands:
        example = EXAMPLES.get(f"{before}{item.name}")
        if example is not None:
            item.epilog = f"Example: rbio-kg {example}"
    for group in typers.registered_groups:
        if group.typer_instance is not None:
            _add_examples(group.typer_instance, f"{before}{group.name} ")


_add_examples(app)
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
