"""Builds the graph of a workspace: parses the sources, assembles them, and puts the complete result in place."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rbio_kg.core.atomic_io import atomic_folder, remove_leftovers, write_text
from rbio_kg.core.errors import BuildError
from rbio_kg.core.lock import held
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph_builders.build.assemble import assemble, confine, node_counts, relationship_counts
from rbio_kg.graph_builders.build.cache import ParsedSourceCache
from rbio_kg.graph_builders.build.directory import Found, find_sources
from rbio_kg.graph_builders.build.losses import Losses, check_losses, lost_names
from rbio_kg.graph_builders.build.manifest import (
    FORMAT,
    Manifest,
    SourceRecord,
    load_manifest,
    read_current,
    read_manifest,
    write_current,
)
from rbio_kg.graph_builders.build.options import BuildOptions
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.parsing.rejections import merged
from rbio_kg.graph_builders.sources.register import REGISTER

__all__ = ["build_graph", "build_id", "build_tables", "read_current", "read_manifest", "use_next", "write_current"]

DEFAULT = BuildOptions()
UNMAPPED = "unmapped.tsv"
"""A file of the build: every label that named no gene, by source, with the rows lost to it."""


def build_id(found: list[Found], options: dict[str, Any]) -> str:
    """16 hexadecimal digits: the same inputs under the same names with the same options give the same id."""
    inputs = sorted(item for source in found for item in source.digests)
    content = json.dumps({"format": FORMAT, "inputs": inputs, "options": options}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def build_tables(
    sources: Path, options: BuildOptions = DEFAULT, progress: Progress | None = None
) -> tuple[GraphTables, Manifest]:
    """Parse a sources directory and assemble it, without writing anything.

    How many rows name no gene is in `Manifest.losses`; only `build_graph` refuses too many.

    Args:
        sources: the directory, laid out as the providers do (see docs/reference/sources.md).
        options: what to keep.
        progress: called with each step and the finished share.

    Raises:
        SourceError: a required source is missing, or a file cannot be read.
    """
    result = _tables(
        find_sources(sources, commercial_only=options.commercial_only),
        options.recorded,
        ParsedSourceCache(None, _context(options)),
        progress or silent,
    )
    return result.tables, result.manifest


def build_graph(
    paths: WorkspacePaths,
    sources: Path,
    options: BuildOptions = DEFAULT,
    *,
    fresh: bool = False,
    use: bool = True,
    progress: Progress | None = None,
) -> Manifest:
    """Build the graph of a workspace: tables, snapshot and manifest, then make it the current one.

    The result appears in one step, so a killed build leaves the previous graph usable; the next build removes its
    leftovers. If the workspace has a build of the same inputs and options, it is reused (`Manifest.reused`). Otherwise
    only changed sources are parsed (`Manifest.kept` lists the others). The store is not loaded. A second build waits
    for the first.

    Args:
        paths: the workspace.
        sources: the sources directory.
        options: what to keep, and how many rows may name no gene.
        fresh: build even if the workspace has the same build.
        use: False leaves the current build as it is, for a caller that first loads the store.
        progress: called with each step and the finished share.

    Raises:
        SourceError: a required source is missing, a file cannot be read, or too many rows of a source name no gene.
        BuildError: the result cannot be written.

    Example:
        from rbio_kg.graph_builders.sample.sample import sample_directory

        manifest = build_graph(WorkspacePaths(Path("workspace")), sample_directory())
        print(manifest.build_id, manifest.nodes["Gene"], manifest.relationships["INTERACTS_WITH"])
    """
    report = progress or silent
    report("looking at the sources", 0.0)
    found = find_sources(sources, commercial_only=options.commercial_only)
    identity = build_id(found, options.recorded)
    try:
        with building(paths, report):
            for folder in (paths.graph, paths.builds, paths.parsed_sources):
                remove_leftovers(folder)
            manifest = None if fresh else _finished(paths, identity)
            if manifest is None:
                manifest = _build(paths, identity, found, options, report)
            else:
                check_losses(manifest.losses, options.names.most)
                report(f"build {identity} is up to date, nothing has changed", 1.0)
            if use:
                write_current(paths, identity, sources)
    except OSError as error:
        raise BuildError(
            f"the build cannot be written ({error.strerror or error})",
            where=error.filename or paths.graph,
            hint="free disk space or use another workspace, then run rbio-kg build again; the old graph is unchanged",
        ) from error
    return manifest


def building(paths: WorkspacePaths, progress: Progress | None = None) -> AbstractContextManager[None]:
    """The lock on changing a workspace's graph. It reports which process it waits for, and it nests."""
    report = progress or silent
    return held(paths.graph / "build.lock", lambda who: report(f"another build is at work ({who}): waiting", None))


def use_next(paths: WorkspacePaths) -> None:
    """Make the build that `paths.next_build` names the one in use, in one step.

    Another process that finishes an interrupted build may have done so already.
    """
    with suppress(FileNotFoundError):
        if paths.current_build.is_file() and paths.next_build.read_bytes() == paths.current_build.read_bytes():
            paths.next_build.unlink()
        else:
            paths.next_build.replace(paths.current_build)


def _finished(paths: WorkspacePaths, identity: str) -> Manifest | None:
    folder = paths.build(identity)
    try:
        manifest = load_manifest(folder / "manifest.json")
    except BuildError:
        return None
    complete = (folder / "tables").is_dir() and (folder / "snapshot").is_dir() and manifest.build_id == identity
    return replace(manifest, reused=True) if complete else None


def _build(
    paths: WorkspacePaths, identity: str, found: list[Found], options: BuildOptions, report: Progress
) -> Manifest:
    # A late import, so that parsing sources needs no compiled kernels.
    from rbio_kg.graph.snapshot.snapshot import write_snapshot

    cache = ParsedSourceCache(paths.parsed_sources, _context(options))
    tables, manifest, unmapped = _tables(
        found, options.recorded, cache, lambda message, done: report(message, None if done is None else 0.8 * done)
    )
    check_losses(manifest.losses, options.names.most)
    cache.forget_others()
    with atomic_folder(paths.build(identity)) as folder:
        report("writing the tables", 0.8)
        tables.write(folder / "tables")
        report("writing the snapshot", 0.9)
        started = time.perf_counter()
        write_snapshot(tables, folder / "snapshot", identity)
        manifest.seconds["snapshot"] = round(time.perf_counter() - started, 3)
        unmapped.write_csv(folder / UNMAPPED, separator="\t")
        _write_json(folder / "manifest.json", manifest.to_json())
    report(f"build {identity} is complete", 1.0)
    return manifest


def _context(options: BuildOptions) -> BuildContext:
    return BuildContext(
        min_score=options.min_score, textmining=options.textmining, accept_suggestions=options.names.accept
    )


class _Result(NamedTuple):
    """An assembled graph, its manifest, and every label that names no gene or several."""

    tables: GraphTables
    manifest: Manifest
    unmapped: pl.DataFrame


def _tables(found: list[Found], options: dict[str, Any], cache: ParsedSourceCache, report: Progress) -> _Result:
    started = time.perf_counter()
    parsed_sources: list[tuple[Found, ParsedSource]] = []
    kept: list[str] = []
    for number, source in enumerate(found):
        begin = partial(report, f"reading {source.entry.name}: {source.entry.title}", number / (len(found) + 1))
        parsed, was_kept = cache.read(source, begin)
        parsed_sources.append((source, parsed))
        if was_kept:
            kept.append(source.entry.name)
    read = time.perf_counter()
    report("assembling the graph", len(found) / (len(found) + 1))
    names = cache.context.gene_names()
    confine([parsed for _, parsed in parsed_sources])
    records = [_record(source, parsed) for source, parsed in parsed_sources]
    tables = assemble([parsed for _, parsed in parsed_sources], names, records)
    manifest = Manifest(
        build_id=build_id(found, options),
        options=options,
        sources=records,
        absent=[entry.name for entry in REGISTER if entry.name not in {source.entry.name for source in found}],
        nodes=node_counts(tables),
        relationships=relationship_counts(tables),
        questions=_question_counts(tables["questions"]),
        names={"ambiguous": names.ambiguity()},
        unmapped={
            parsed.name or source.entry.name: Losses.of(parsed, names).to_json()
            for source, parsed in parsed_sources
            if parsed.names is None and parsed.terms is None
        },
        seconds={
            "read": round(read - started, 3),
            "assemble": round(time.perf_counter() - read, 3),
        },
        kept=kept,
    )
    return _Result(tables, manifest, _unmapped(parsed_sources, names))


def _unmapped(parsed_sources: list[tuple[Found, ParsedSource]], names: GeneNames) -> pl.DataFrame:
    """All labels that name no gene or several, by source, the most frequent first; `genes` joined by commas."""
    rows = [
        (parsed.name or source.entry.name, name.label, name.rows, name.kind, ",".join(name.candidates) or None)
        for source, parsed in parsed_sources
        for name in lost_names(parsed, names)
    ]
    columns = {"source": pl.String, "label": pl.String, "rows": pl.Int64, "kind": pl.String, "genes": pl.String}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _record(found: Found, parsed: ParsedSource) -> SourceRecord:
    rejected, reasons = merged(parsed.rejections)
    return SourceRecord(
        name=parsed.name or found.entry.name,
        version=parsed.version,
        date=parsed.date,
        sha256=found.sha256,
        rows=parsed.rows,
        rejected=rejected,
        reasons=[{"file": item.file, "line": item.line, "why": item.why} for item in reasons],
        licence=parsed.licence or found.entry.licence,
        commercial=found.entry.commercial,
        url=found.entry.url if parsed.url is None else parsed.url,
        simulated=parsed.simulated,
        files=[{"name": name, "sha256": digest} for name, digest in found.digests],
        rows_read=parsed.rows_read,
        left_out=dict(sorted(parsed.left_out.items())),
        notes=dict(sorted(parsed.notes.items())),
    )


def _question_counts(questions: pl.DataFrame) -> list[dict[str, Any]]:
    keys = ["task", "cell_line", "split", "simulated"]
    counts = questions.group_by(keys).agg(pl.len().alias("rows"), pl.col("label").sum().alias("positive"))
    return counts.sort(keys).to_dicts()


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
