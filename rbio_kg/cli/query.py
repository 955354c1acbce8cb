"""The command `query`: Cypher or a named query, as a table, as JSON, or into a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.cli.graph import StoreOption
from rbio_kg.cli.session import Session, command
from rbio_kg.cli.tables import show_rows, show_table
from rbio_kg.core.errors import ConfigError

if TYPE_CHECKING:
    from rbio_kg.graph.store.queries import NamedQuery
    from rbio_kg.workspace import Workspace

FILE_SECONDS = 3_600.0
"""The time limit of a statement whose rows go into a file."""


def parse_parameters(items: list[str]) -> dict[str, Any]:
    """`key=value` with JSON values; a value that is no JSON is text.

    Raises:
        ConfigError: an item without `=`.
    """
    parameters: dict[str, Any] = {}
    for item in items:
        key, separator, value = item.partition("=")
        if not separator or not key:
            raise ConfigError(f"{item!r} is not key=value", where="--param")
        try:
            parameters[key] = json.loads(value)
        except ValueError:
            parameters[key] = value
    return parameters


def other_names(workspace: Workspace, query: NamedQuery, values: Mapping[str, Any]) -> list[str]:
    """One line for each value that should be a gene's approved symbol and is another name of a gene."""
    lines = []
    names = workspace.tables["names"]
    for item in query.parameters:
        given = values[item.name] if "symbol" in item.doc else None
        for value in given if isinstance(given, list) else [given]:
            if value is None:
                continue
            rows = names.filter(names["label"].str.to_uppercase() == str(value).upper()).sort("symbol", "kind").rows()
            if value in {row[1] for row in rows}:
                continue
            for symbol in sorted({row[1] for row in rows}):
                kinds = " and ".join(row[2] for row in rows if row[1] == symbol)
                lines.append(f"{value} is no approved symbol ({kinds} name of {symbol}): try {item.name}={symbol}")
    return lines


def _listed(query: Mapping[str, Any]) -> tuple[str, str, str]:
    """A named query as a row: each parameter as it is given, with its default."""
    parameters = [
        item["name"] + ("" if item["required"] else "=" + json.dumps(item["default"], ensure_ascii=False))
        for item in query["parameters"]
    ]
    return query["name"], query["purpose"], ", ".join(parameters) or "-"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @command(app, "query")
    def query(
        session: Session,
        cypher: Annotated[str | None, typer.Argument(help="A Cypher statement.")] = None,
        named: Annotated[str | None, typer.Option("--named", help="A named query instead.")] = None,
        list_: Annotated[bool, typer.Option("--list", help="Show the named queries.")] = False,
        param: Annotated[list[str] | None, typer.Option("--param", help="key=value, values as JSON.")] = None,
        limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most rows.")] = None,
        timeout: Annotated[float | None, typer.Option("--timeout", min=0.001, help="Seconds.")] = None,
        out: Annotated[
            Path | None, typer.Option("--out", help="Stream all rows into this .jsonl, .csv or .parquet file.")
        ] = None,
        write: Annotated[bool, typer.Option("--write", help="Allow the statement to change the graph.")] = False,
        store: StoreOption = None,
    ) -> None:
        """Ask the graph in Cypher; reads only, unless --write."""
        from rbio_kg.graph.store.property_names import unknown_properties
        from rbio_kg.graph.store.queries import named_queries, named_query

        if list_:
            listed = [item.to_json() for item in named_queries().values()]
            session.emit(listed, lambda: show_table(["name", "purpose", "parameters"], map(_listed, listed)))
            return
        if (cypher is None) == (named is None):
            raise typer.BadParameter("give a Cypher statement, or --named NAME, or --list")
        if write and out is not None:
            raise typer.BadParameter("--write and --out do not go together")
        values = parse_parameters(param or [])
        known = None if named is None else named_query(named)
        if known is not None:
            cypher, values = known.cypher, known.values(values)
        assert cypher is not None
        workspace = session.workspace(store=store)
        if out is not None:
            count = _into_file(session, workspace, out, cypher, values, limit, timeout)
            session.emit({"file": str(out), "rows": count}, lambda: print(f"{count:,} rows in {out}"))
        else:
            most = limit or workspace.settings.query_limit
            seconds = timeout or workspace.settings.query_timeout
            if write:
                with workspace.writable_store() as writable:
                    rows = writable.write(cypher, values, timeout=seconds)
            else:
                rows = workspace.store.query(cypher, values, limit=most + 1, timeout=seconds)
            count = len(rows)
            if count > most:
                session.say(f"only the first {most:,} rows; raise --limit, or take all with --out FILE")
            session.emit(rows[:most], lambda: show_rows(rows[:most]))
        if known is None:
            for line in unknown_properties(cypher, values):
                session.say(line)
        elif not count:
            for line in other_names(workspace, known, values):
                session.say(line)


def _into_file(
    session: Session,
    workspace: Workspace,
    out: Path,
    cypher: str,
    values: Mapping[str, Any],
    limit: int | None,
    timeout: float | None,
) -> int:
    from itertools import islice

    from rbio_kg.graph.store.row_files import check_ending, write_rows

    check_ending(out)
    session.resume = f"{out} was not written; run the same command again"
    with workspace.store.stream(cypher, values, timeout=timeout or FILE_SECONDS) as rows:
        return write_rows(out, rows.columns, islice(rows, limit), session.progress)
