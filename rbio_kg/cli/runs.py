"""Commands about runs: runs list, runs show, evidence load, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rbio_kg.cli.session import Session, UnfinishedOption, command
from rbio_kg.cli.tables import flat, show_table
from rbio_kg.services.report import write_run_report

RunArgument = Annotated[str, typer.Argument(help="Name of a run.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    runs = typer.Typer(no_args_is_help=True, help="Training and evaluation runs.")
    app.add_typer(runs, name="runs")
    evidence = typer.Typer(no_args_is_help=True, help="Verdicts and citations in the graph.")
    app.add_typer(evidence, name="evidence")

    @command(runs, "list")
    def runs_list(session: Session) -> None:
        """The workspace's runs, newest last; runs whose manifest cannot be read follow as `broken`."""
        from rbio_kg.training.runs.run_folder import Run, broken_runs, list_runs

        paths = session.workspace().paths
        found = list_runs(paths)
        commands = {run.name: Run(paths.run(run.name)).resume_command for run in found}
        rows = [{**run.to_json(), "resume": commands[run.name]} for run in found]
        rows += [run.to_json() for run in broken_runs(paths)]
        columns = ["name", "kind", "status", "started", "build_id"]
        columns += ["error"] if any("error" in row for row in rows) else []

        def show() -> None:
            show_table(columns, [[row.get(key) for key in columns] for row in rows])
            for name, line in commands.items():
                if line is not None:
                    print(f"{name} can go on with: {line}")

        session.emit({"runs": rows}, show)

    @command(runs, "show")
    def runs_show(session: Session, run: RunArgument) -> None:
        """One run's manifest, and `resume`, the command that goes on with it."""
        from rbio_kg.training.runs.run_folder import Run, find_run, read_run

        folder = find_run(session.workspace().paths, run)
        manifest: dict[str, Any] = {**read_run(folder).to_json(), "resume": Run(folder).resume_command}
        long = {key for key in ("config", "origin", "result") if not session.verbose}
        brief = {key: value for key, value in manifest.items() if key not in long}
        result = manifest.get("result")
        if isinstance(result, dict) and not session.verbose:
            brief["result"] = {key: value for key, value in result.items() if not isinstance(value, (dict, list))}

        def show() -> None:
            show_table(["what", "value"], flat(brief))
            if long:
                print("all settings and results: --verbose")

        session.emit(manifest, show)

    @command(evidence, "load")
    def evidence_load(
        session: Session,
        run: RunArgument,
        store: Annotated[str | None, typer.Option("--store", help="Another store than the workspace's.")] = None,
    ) -> None:
        """Load a run's claims, verdicts and citations into the graph; loading twice changes nothing."""
        from rbio_kg.services.evidence import load_evidence
        from rbio_kg.training.runs.run_folder import find_run, read_run

        workspace = session.workspace(store=store)
        folder = find_run(workspace.paths, run)
        workspace.accept_run(read_run(folder))
        with workspace.writable_store() as writable:
            document = load_evidence(writable, folder, session.progress)
        session.emit(document, lambda: show_table(["what", "count"], list(document.items())))

    @command(app, "report")
    def report(
        session: Session,
        run: RunArgument,
        out: Annotated[
            Path | None, typer.Option("--out", help="Where to write; in the run's folder otherwise.")
        ] = None,
        unfinished: UnfinishedOption = False,
    ) -> None:
        """One self-contained HTML file about a run."""
        written = write_run_report(session.workspace(), run, out, unfinished=unfinished)
        if written.unfinished:
            session.say(f"run {run} is UNFINISHED; the page says so")
        session.emit(written.to_json(), lambda: print(written.path))
