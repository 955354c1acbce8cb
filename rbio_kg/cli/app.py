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
    build,
    check,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    graph,
    model_export,
    query,
    questions,
    recipes,
    rewards,
    runs,
    train,
    verifiers,
)

app = typer.Typer(
    name="rbio-kg",
    help="Post-train a language model on biology, with rewards from a gene and pathway knowledge graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (
    *(demo, graph, build, export, query, explain, verifiers, check),
    *(questions, recipes, rewards, train, evaluate, ask, model_export, runs, doctor),
):
    group.register(app)


def main() -> None:
    """Entry point of the console script."""
    app()
