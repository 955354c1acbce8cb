"""The figures of the link predictor's benchmark as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS = ("mrr", "hits@1", "hits@3", "hits@10", "amri", "ap_degree", "ap_two_hop")


def shown(document: dict[str, Any]) -> None:
    """One table a relation, then calibration, training and speed."""
    console = Console(width=180)
    for relation, models in document["summary"].items():
        table = Table(title=f"{relation}, seeds {document['seeds']}, ties realistic")
        table.add_column("model")
        for column in (*COLUMNS, "mrr, ties best / worst"):
            table.add_column(column, justify="right")
        for name, values in models.items():
            ties = " / ".join(f"{values[f'mrr {way}']['mean']:.3f}" for way in ("optimistic", "pessimistic"))
            table.add_row(name, *(_cell(values[column]) for column in COLUMNS), ties)
        console.print(table)
    for run in document["runs"]:
        console.print(
            f"seed {run['seed']}: processor seconds of training", {k: v["cpu_seconds"] for k, v in run["facts"].items()}
        )
        for relation, part in run["relations"].items():
            found = part["calibration"]
            console.print(
                f"  {relation}: edges {part['edges']}, base rate {found['base_rate']:.1e}, ECE {found['ece']:.1e}, "
                f"expected over observed {found['expected_over_observed']:.2f}"
            )
        console.print("  per second:", run["rates"])


def _cell(value: dict[str, float | None]) -> str:
    if value["low"] is None:
        return f"{value['mean']:.3f}"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
