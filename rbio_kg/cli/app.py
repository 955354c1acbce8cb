"""The `rbio-kg` command."""

from __future__ import annotations

import os

# Before torch is imported anywhere: spinning OpenMP threads make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' own bars; the commands show their progress themselves

import typer

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
    "Start": ("demo", "doctor", "version"),
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
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (
    *(demo, graph, export, query, explain, verifiers, check),
    *(questions, recipes, train, evaluate, ask, runs, doctor),
):
    group.register(app)
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}
for single in app.registered_commands:
    single.rich_help_panel = _PANEL_OF[str(single.name)]
for several in app.registered_groups:
    several.rich_help_panel = _PANEL_OF[str(several.name)]


def main() -> None:
    """Entry point of the console script."""
    app()
