"""The graph of a workspace: build it, load or export it, count what the store holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rbio_kg.core.errors import BuildError, StoreError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules

if TYPE_CHECKING:
    from rbio_kg.graph.store.store import GraphStore
    from rbio_kg.graph_builders.build.losses import Losses
    from rbio_kg.graph_builders.build.manifest import Manifest
    from rbio_kg.services.base import WorkspaceBase


EVIDENCE_LABELS = ("Run", "Claim", "Verdict")
"""Labels of the nodes that `evidence load` writes; they belong to no build."""


@dataclass(frozen=True)
class ImportFiles:
    """Files for `neo4j-admin database import`, and the command that imports them."""

    files: tuple[str, ...]
    command: str

    def to_json(self) -> dict[str, Any]:
        """`files` and `command`."""
        return {"files": list(self.files), "command": self.command}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The files that `to_json` wrote; further keys are left out."""
        return cls(tuple(document["files"]), document["command"])


@dataclass(frozen=True)
class Reused:
    """What a build took over as it was: the tables and the snapshot, and the contents of the store."""

    tables: bool
    store: bool


@dataclass(frozen=True)
class BuildResult:
    """What a build gave.

    Args:
        build_id: 16 hexadecimal digits.
        sources: folder of the source files.
        nodes: label to count.
        relationships: type to count.
        rejected_rows: rows of all sources that could not be read.
        losses: source to its rows with a name that is no gene; sources without any are left out.
        unclaimed_files: files of the sources folder that no source takes.
        readings_kept: sources that were not read again.
        seconds: `read`, `assemble`, `snapshot` and `store`.
        simulated: whether the rows of any source come from a model.
        store: URI of the store that was loaded; None where import files were written.
        reused: what was taken over.
        updated: elements that an update by difference wrote; None where the store was loaded completely or reused.
        files: the import files, if wanted.
    """

    build_id: str
    sources: str
    nodes: Mapping[str, int]
    relationships: Mapping[str, int]
    rejected_rows: int
    losses: Mapping[str, Losses]
    unclaimed_files: tuple[str, ...]
    readings_kept: tuple[str, ...]
    seconds: Mapping[str, float]
    simulated: bool
    store: str | None
    reused: Reused
    updated: int | None = None
    files: ImportFiles | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of the command `build`."""
        return {
            "build_id": self.build_id,
            "sources": self.sources,
            "nodes": dict(self.nodes),
            "relationships": dict(self.relationships),
            "rejected_rows": self.rejected_rows,
            "unrecognised": {source: dict(losses.kinds) for source, losses in self.losses.items()},
            "unmapped": {source: losses.to_json() for source, losses in self.losses.items()},
            "unclaimed_files": list(self.unclaimed_files),
            "readings_kept": list(self.readings_kept),
            "seconds": dict(self.seconds),
            "simulated": self.simulated,
            **({} if self.files is None else self.files.to_json()),
            "store": self.store,
            "reused": asdict(self.reused),
            "updated": self.updated,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote; further keys are left out."""
        from rbio_kg.graph_builders.build.losses import Losses

        return cls(
            build_id=document["build_id"],
            sources=document["sources"],
            nodes=dict(document["nodes"]),
            relationships=dict(document["relationships"]),
            rejected_rows=document["rejected_rows"],
            losses={source: Losses.from_json(item) for source, item in document["unmapped"].items()},
            unclaimed_files=tuple(document["unclaimed_files"]),
            readings_kept=tuple(document["readings_kept"]),
            seconds=dict(document["seconds"]),
            simulated=document["simulated"],
            store=document["store"],
            reused=Reused(**document["reused"]),
            updated=document["updated"],
            files=ImportFiles.from_json(document) if "files" in document else None,
        )


@dataclass(frozen=True)
class GraphCounts:
    """Counts of a build: label to nodes, type to relationships. `build_id` is None where a store names no build."""

    build_id: str | None
    nodes: Mapping[str, int]
    relationships: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"build_id": self.build_id, "nodes": dict(self.nodes), "relationships": dict(self.relationships)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The counts that `to_json` wrote."""
        return cls(document["build_id"], dict(document["nodes"]), dict(document["relationships"]))


@dataclass(frozen=True)
class Digests:
    """Digests of every property, 64 hexadecimal digits each: of the store and of the tables."""

    store: str
    tables: str


@dataclass(frozen=True)
class GraphStats:
    """What a store holds, next to what the build's manifest says.

    Args:
        store: URI of the store.
        counted: build id and counts, queried from the store; labels and types as in the manifest.
        evidence: label to count of the nodes that `evidence load` writes.
        manifest: build id and counts of the manifest.
        agrees: whether build ids and counts are equal, and the digests if wanted.
        digest: the digests, if wanted.
        simulated: names of the sources whose rows come from a model instead of a laboratory.
    """

    store: str
    counted: GraphCounts
    evidence: Mapping[str, int]
    manifest: GraphCounts
    agrees: bool
    digest: Digests | None = None
    simulated: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document of the command `stats`."""
        document = {
            "build_id": self.counted.build_id,
            "store": self.store,
            "nodes": dict(self.counted.nodes),
            "relationships": dict(self.counted.relationships),
            "evidence": dict(self.evidence),
            "manifest": self.manifest.to_json(),
            "agrees": self.agrees,
            "simulated": bool(self.simulated),
            "simulated_sources": list(self.simulated),
        }
        return document if self.digest is None else {**document, "digest": asdict(self.digest)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The counts that `to_json` wrote; further keys are left out."""
        return cls(
            store=document["store"],
            counted=GraphCounts.from_json(document),
            evidence=dict(document["evidence"]),
            manifest=GraphCounts.from_json(document["manifest"]),
            agrees=document["agrees"],
            digest=Digests(**document["digest"]) if "digest" in document else None,
            simulated=tuple(document["simulated_sources"]),
        )


def _ignore(text: str) -> None:
    """The default of `keep`."""


def build_graph_and_store(
    workspace: WorkspaceBase,
    *,
    sources: Path | None = None,
    rules: NameRules = DEFAULT_RULES,
    fresh: bool = False,
    progress: Progress = silent,
    keep: Callable[[str], None] = _ignore,
) -> BuildResult:
    """Build tables and snapshot, and load the store. The workspace uses the new build afterwards.

    Args:
        workspace: its settings say where the sources and the store are.
        sources: another sources folder than the workspace's.
        rules: what is done about names that are no gene.
        fresh: build even if nothing has changed.
        progress: called with a message and the finished share.
        keep: called with what an interruption from now on leaves, and how to go on.

    Raises:
        BuildError, SourceError: there are no sources, they cannot be read, or too many rows of one name no gene.
        StoreError: the store cannot be opened or loaded.
    """
    from rbio_kg.graph.loading.loader import load_store
    from rbio_kg.graph.schema.tables import GraphTables
    from rbio_kg.graph_builders.build.build import build_graph, building, use_next, write_current

    chosen = workspace.sources if sources is None else sources
    uri, paths = workspace.store_uri, workspace.paths
    options = replace(workspace.build_options, names=rules)
    workspace.close()
    keep("the graph in use is as it was; run the same command again to build")
    with building(paths, progress):
        manifest = build_graph(paths, chosen, options, fresh=fresh, use=False, progress=progress)
        started = time.perf_counter()
        keep("the graph in use is as it was, the new tables are kept; run the same command again to load the store")
        # Tables, snapshot and store change together: the new build is noted, loaded, and then used in one step. A
        # process that dies after the loading leaves the note, by which the next command finishes the step.
        write_current(paths, manifest.build_id, chosen, uri, file=paths.next_build)
        there = _noted(uri) == manifest.build_id
        changed = None
        if not there:
            tables = GraphTables.read(paths.build(manifest.build_id) / "tables")
            with workspace.open_store(read_only=False) as store:
                loaded = load_store(store, tables, manifest.to_json(), progress, builds=paths.builds)
            there, changed = not loaded.loaded, loaded.changed
        use_next(paths)
    return _result(manifest, chosen, started, store=uri, store_reused=there, updated=changed)


def finish_interrupted_build(workspace: WorkspaceBase, say: Callable[[str], None]) -> None:
    """Use the build that a killed `build` had already loaded into the store; else drop the note of it.

    Nothing happens while a build is running, where the workspace cannot be written, or where the store does not answer.
    """
    from rbio_kg.core.lock import held
    from rbio_kg.graph_builders.build.build import use_next
    from rbio_kg.graph_builders.build.manifest import read_current

    paths = workspace.paths
    if not paths.next_build.is_file():
        return
    with suppress(OSError, BuildError, StoreError), held(paths.graph / "build.lock", _ignore, seconds=0):
        note = read_current(paths, paths.next_build)
        uri = note.store or paths.default_store
        loaded = _noted(uri)
        if loaded is None:
            with workspace.open_store(uri=uri) as store:
                loaded = store.build_id()
        if loaded == note.build_id:
            use_next(paths)
            say(f"an interrupted build had loaded the store: build {note.build_id} is now in use")
        else:
            paths.next_build.unlink(missing_ok=True)


def _noted(uri: str) -> str | None:
    """The build that an embedded store notes to hold completely; None if that is unknown."""
    from rbio_kg.graph.store.embedded import noted_build

    kind, _, place = uri.partition(":")
    return noted_build(Path(place)) if kind == "embedded" else None


def build_graph_and_files(
    workspace: WorkspaceBase,
    folder: Path,
    *,
    rules: NameRules = DEFAULT_RULES,
    fresh: bool = False,
    progress: Progress = silent,
    keep: Callable[[str], None] = _ignore,
) -> BuildResult:
    """Build tables and snapshot, and write files for `neo4j-admin database import`; arguments as above."""
    from rbio_kg.graph_builders.build.build import build_graph, building

    sources = workspace.sources
    options = replace(workspace.build_options, names=rules)
    workspace.close()
    keep("the graph in use is as it was; run the same command again to build")
    with building(workspace.paths, progress):
        manifest = build_graph(workspace.paths, sources, options, fresh=fresh, progress=progress)
        keep("the tables are kept, the files are not written; run the same command again")
        started = time.perf_counter()
        written = export_files(workspace, folder, progress)
    return _result(manifest, sources, started, files=written)


def export_files(workspace: WorkspaceBase, folder: Path, progress: Progress = silent) -> ImportFiles:
    """Write files for `neo4j-admin database import`."""
    from rbio_kg.graph.loading.admin_export import write_admin_files

    written = write_admin_files(workspace.tables, workspace.build_id, folder, progress)
    return ImportFiles(tuple(str(file) for file in written.files), written.command)


def _result(
    manifest: Manifest,
    sources: Path,
    started: float,
    *,
    store: str | None = None,
    store_reused: bool = False,
    updated: int | None = None,
    files: ImportFiles | None = None,
) -> BuildResult:
    """The result of a build; `started` is when the store or the import files were begun."""
    from rbio_kg.graph_builders.build.directory import unclaimed_files

    return BuildResult(
        build_id=manifest.build_id,
        sources=str(sources),
        nodes=manifest.nodes,
        relationships=manifest.relationships,
        rejected_rows=manifest.rejected_rows,
        losses={source: found for source, found in manifest.losses.items() if found.labels or found.applied},
        unclaimed_files=tuple(unclaimed_files(sources)),
        readings_kept=tuple(manifest.kept),
        seconds={**manifest.seconds, "store": round(time.perf_counter() - started, 3)},
        simulated=manifest.simulated,
        store=store,
        reused=Reused(manifest.reused, store_reused),
        updated=updated,
        files=files,
    )


def graph_stats(workspace: WorkspaceBase, *, digest: bool = False, progress: Progress = silent) -> GraphStats:
    """Count what the store holds.

    Args:
        workspace: its store and its manifest.
        digest: also compare every property, which reads the complete store.
        progress: called with a message and the finished share.

    Raises:
        BuildError: there is no graph.
        StoreError: the store cannot be opened, or its graph is incomplete.
    """
    manifest = workspace.manifest
    with workspace.open_store() as store:
        return _stats(workspace, manifest, store, digest, progress)


def _stats(
    workspace: WorkspaceBase, manifest: Manifest, store: GraphStore, digest: bool, progress: Progress
) -> GraphStats:
    from rbio_kg.graph.loading.digest import store_digest, tables_digest

    build_id, counts = store.check(), store.counts()
    said = GraphCounts(manifest.build_id, manifest.nodes, manifest.relationships)
    counted = GraphCounts(
        build_id,
        {label: counts["nodes"].get(label, 0) for label in said.nodes},
        {kind: counts["relationships"].get(kind, 0) for kind in said.relationships},
    )
    evidence = {
        label: store.query(f"MATCH (n:{label}) RETURN count(n) AS total")[0]["total"] for label in EVIDENCE_LABELS
    }
    digests = Digests(store_digest(store, progress), tables_digest(workspace.tables, progress)) if digest else None
    agrees = counted == said and (digests is None or digests.store == digests.tables)
    return GraphStats(workspace.store_uri, counted, evidence, said, agrees, digests, manifest.simulated_sources)
