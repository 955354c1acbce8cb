"""The base of a workspace: paths, settings, the graph in use, its store, verifiers, rewards and questions."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from rbio_kg.core.errors import BuildError, StoreError, VerifierError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.settings import LoadedSettings, load_settings
from rbio_kg.core.staleness import StaleParts
from rbio_kg.graph_builders.build.options import BuildOptions

if TYPE_CHECKING:
    from rbio_kg.core.claims import Claim
    from rbio_kg.graph.schema.tables import GraphTables
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.graph.store.store import GraphStore
    from rbio_kg.graph.views.view import GraphView
    from rbio_kg.graph_builders.build.manifest import CurrentBuild, Manifest
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.prompts.facts import FactBook, FactSource
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.verifiers.base.verifier import Verifier
    from rbio_kg.verifiers.text.statements import StatementChecker

T = TypeVar("T")

_SWITCH_SECONDS = 2.0  # How long a reader waits for a build that is about to become the current one.


def _files(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Name, inode and time of modification of each file in a folder: what changes when a model is fitted again."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(folder)]
    except OSError:
        return frozenset()
    return frozenset((name, stat.st_ino, stat.st_mtime_ns) for name, stat in found)


class WorkspaceBase(StaleParts):
    """One folder with sources, a graph, fitted verifiers and runs, without the services.

    Service functions take this class; `rbio_kg.workspace.Workspace` adds a method for each of them.

    Args:
        root: the folder; it is made when something is first written.
        allow_stale: go on with a fitted verifier or a store of another build than the one in use. What was used so is
            in `stale`, which every output shows.
        flags: settings that win over the environment and the settings file (see `rbio_kg.core.settings.Settings`).

    Raises:
        ConfigError: a setting is unknown or out of range.
    """

    def __init__(self, root: str | Path = "workspace", *, allow_stale: bool = False, **flags: Any) -> None:
        super().__init__(allow_stale=allow_stale)
        self.paths = WorkspacePaths(Path(root).absolute())
        self.loaded: LoadedSettings = load_settings(self.paths, flags)
        self.settings = self.loaded.values
        self._store: GraphStore | None = None
        self._store_build: str | None = None
        self._opened: dict[str, tuple[object, Any]] = {}

    def __repr__(self) -> str:
        build = f"build {self.build_id}" if self.has_graph else "no graph"
        return f"{type(self).__name__}({str(self.paths.root)!r}, {build})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; an embedded server stops when its last user leaves."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def reload(self) -> None:
        """Forget everything that was opened, also a verifier whose own files have changed.

        A new build and a refitted verifier are noticed without it.
        """
        self.close()
        self._opened.clear()

    def _once(self, name: str, version: object, open_: Callable[[], T]) -> T:
        """What `open_` gives, opened once for each version of it."""
        if (known := self._opened.get(name)) is None or known[0] != version:
            known = self._opened[name] = (version, open_())
        return cast("T", known[1])

    # The graph

    @property
    def current(self) -> CurrentBuild:
        """The build in use, its sources and its store.

        Raises:
            BuildError: nothing has been built here.
        """
        from rbio_kg.graph_builders.build.manifest import read_current

        return read_current(self.paths)

    @property
    def has_graph(self) -> bool:
        """Whether a finished build is there."""
        return self.paths.current_build.is_file()

    @property
    def build_id(self) -> str:
        """Id of the build in use."""
        return self.current.build_id

    @property
    def build_folder(self) -> Path:
        """Folder of the build in use."""
        return self.paths.build(self.build_id)

    @property
    def snapshot_folder(self) -> Path:
        """Folder of the memory-mapped snapshot."""
        return self.build_folder / "snapshot"

    @property
    def has_fetched(self) -> bool:
        """Whether `fetch` has downloaded complete files: each folder that it fills records them."""
        return any(self.paths.sources.glob("*/fetched.json"))

    @property
    def sources(self) -> Path:
        """Where providers' files are: the setting, else what `fetch` brought, else what the last build read.

        Raises:
            BuildError: none of them is there.
        """
        if self.settings.sources is not None:
            if self.loaded.origins["sources"] == "file":
                return self.paths.located(str(self.settings.sources))
            return self.settings.sources.absolute()
        if self.has_fetched:
            return self.paths.sources
        if self.has_graph:
            return Path(self.current.sources)
        raise BuildError(
            "there are no sources", where=self.paths.sources, hint="run rbio-kg fetch, or name a folder with --sources"
        )

    @property
    def build_options(self) -> BuildOptions:
        """The settings that a build depends on."""
        return BuildOptions(**self.settings.model_dump(include={"min_score", "textmining", "commercial_only"}))

    @property
    def store_uri(self) -> str:
        """Address of the store: the setting, else what the last build loaded, else the embedded one."""
        if self.settings.store is not None:
            kind, _, place = self.settings.store.partition(":")
            if kind == "embedded" and place and self.loaded.origins["store"] == "file":
                return f"embedded:{self.paths.located(str(Path(place).expanduser()))}"
            return self.settings.store
        remembered = self.current.store if self.has_graph else None
        return remembered or self.paths.default_store

    @property
    def manifest(self) -> Manifest:
        """The manifest of the build in use."""
        from rbio_kg.graph_builders.build.manifest import read_manifest

        return self._once("manifest", self.build_id, lambda: read_manifest(self.paths))

    @property
    def tables(self) -> GraphTables:
        """The tables of the build in use."""
        from rbio_kg.graph.schema.tables import GraphTables

        return self._once("tables", self.build_id, lambda: GraphTables.read(self.build_folder / "tables"))

    @property
    def graph(self) -> GraphView:
        """The graph of the build in use, to be taken in parts into networkx, torch-geometric, polars or GraphML."""
        from rbio_kg.graph.views.view import GraphView

        return self._once("graph", self.build_id, lambda: GraphView(self.tables))

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot of the build in use."""
        from rbio_kg.graph.snapshot.snapshot import Snapshot

        return self._once("snapshot", self.build_id, lambda: Snapshot.open(self.snapshot_folder))

    def open_store(self, *, read_only: bool = True, create: bool = True, uri: str | None = None) -> GraphStore:
        """A connection to the store that the caller closes, whatever graph it holds.

        Args:
            read_only, create: as for `GraphStore.open`.
            uri: another store than the workspace's.
        """
        from rbio_kg.graph.store.store import GraphStore

        address = self.store_uri if uri is None else uri
        if address.startswith("embedded:"):
            return GraphStore.open(address, read_only=read_only, create=create)
        secret = self.settings.neo4j_password
        return GraphStore.open(
            address,
            username=self.settings.neo4j_username,
            password=None if secret is None else secret.get_secret_value(),
            database=self.settings.neo4j_database,
            read_only=read_only,
        )

    @contextmanager
    def writable_store(self) -> Iterator[GraphStore]:
        """A connection that may write, to a store that holds the graph in use.

        Raises:
            BuildError: nothing has been built here.
            StoreError: it cannot be opened, or holds no complete graph, or that of another build.
        """
        self._need_a_graph()
        with self.open_store(read_only=False, create=False) as store:
            self._check_build(store)
            yield store

    @property
    def store(self) -> GraphStore:
        """The graph database, for reading; opened at first use and closed with the workspace.

        Raises:
            BuildError: nothing has been built here, and no store is set.
            StoreError: it cannot be opened, holds no complete graph, or that of another build than the one in use.
        """
        if self._store is None:
            self._need_a_graph()
            self._store = self.open_store()
            self._store_build = None
        build = self.build_id if self.has_graph else ""
        if self._store_build != build:
            self._check_build(self._store)
            self._store_build = build
        return self._store

    def _need_a_graph(self) -> None:
        """Raise BuildError where neither a build nor a setting says which store there is."""
        if self.settings.store is None:
            _ = self.current

    def _check_build(self, store: GraphStore) -> None:
        """Raise StoreError unless the store holds the graph in use: a query must not speak of another graph."""
        deadline = time.monotonic() + _SWITCH_SECONDS
        while (found := store.check()) != (used := self.build_id if self.has_graph else found):
            # A build that has just loaded the store is about to change the current build.
            if not self.paths.next_build.is_file() or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if found == used:
            return
        text = f"the store holds build {found}, but the workspace uses build {used}"
        if self.allow_stale:
            self.mark_stale("store", text)
            return
        raise StoreError(
            text,
            where=store.address,
            hint=f"run {self.build_command()} to load it, or go on with --allow-stale",
        )

    def build_command(self) -> str:
        """The command that builds the graph in use again and loads the store."""
        options = self.manifest.options
        words = ["build"]
        if options.get("min_score") != self.settings.min_score:
            words.append(f"--min-score {options['min_score']}")
        if options.get("textmining") != self.settings.textmining:
            words.append("--textmining" if options["textmining"] else "--no-textmining")
        if options.get("commercial_only") != self.settings.commercial_only:
            words.append("--commercial-only" if options["commercial_only"] else "--any-licence")
        if self.loaded.origins["store"] == "flag":
            words.append(f"--store {shlex.quote(self.store_uri)}")
        return self.command(" ".join(words))

    def command(self, text: str) -> str:
        """A command line that works as printed, with `--workspace` where this is not the default one."""
        return self.paths.command(text)

    # Verifiers

    def model_folder(self, name: str) -> Path:
        """Where a fitted verifier lies."""
        return self.paths.models / name

    def snapshot_of(self, build_id: str) -> Path:
        """Folder of a build's snapshot."""
        return self.paths.build(build_id) / "snapshot"

    def verifier_names(self) -> list[str]:
        """The built-in verifiers, the workspace's tables, then those registered under `rbio_kg.verifiers`."""
        from rbio_kg.registry import BUILT_IN, registered, table_names

        return list(dict.fromkeys([*BUILT_IN, *table_names(self.paths.models), *registered()]))

    def verifier(self, name: str) -> Verifier:
        """A verifier by name, or by `MODULE:NAME` or `FILE.py:NAME`; opened at first use.

        Raises:
            VerifierError: the name is unknown, the verifier has not been fitted, or one of the user's own cannot be
                opened.
            StaleError: it was fitted on another build (see `allow_stale`).
        """
        version = (self.build_id if self.has_graph else None, _files(self.model_folder(name)))
        return self._once(f"verifier {name}", version, lambda: self._open_verifier(name))

    def _open_verifier(self, name: str) -> Verifier:
        from rbio_kg.registry import BUILT_IN, VARIANTS, addressed, is_address, is_table, opened, registered, table

        if name in (built_in := BUILT_IN | VARIANTS):
            return built_in[name](self)
        if is_address(name):
            return opened(addressed(name), self)
        if is_table(self, name):
            return table(self, name)
        if point := registered().get(name):
            return opened(point, self)
        known = ", ".join(self.verifier_names())
        raise VerifierError(f"there is no verifier {name!r}", hint=f"known: {known}; verifiers add makes more")

    @property
    def statement_checker(self) -> StatementChecker:
        """Takes statements out of texts and checks them against the graph and the measured knockdowns (train split)."""
        from rbio_kg.verifiers.text.measured_effects import Knockdowns
        from rbio_kg.verifiers.text.statements import StatementChecker

        return self._once(
            "statement_checker",
            self.build_id,
            lambda: StatementChecker(self.snapshot, Knockdowns.of_tables(self.tables)),
        )

    # Training

    def reward(
        self,
        weights: Mapping[str, float] | None = None,
        *,
        scoring: str = "brier",
        extra: Mapping[str, tuple[Verifier, float]] | None = None,
        **options: Any,
    ) -> ComposedReward:
        """A graph-grounded reward for TRL's GRPOTrainer: `reward.functions` and `reward.weights`.

        Args:
            weights: verifier name to weight; text verifiers become parts of the reward of their own.
            scoring: linear, brier or log.
            extra: verifiers of your own, by name, with their weights.
            options: as in `rbio_kg.training.rewards.composed.ComposedReward`.
        """
        from rbio_kg.training.rewards.composed import ComposedReward
        from rbio_kg.verifiers.pooling import DEFAULT_WEIGHTS

        chosen = DEFAULT_WEIGHTS if weights is None and not extra else (weights or {})
        members = {name: (self.verifier(name), weight) for name, weight in chosen.items()}
        return ComposedReward({**members, **(extra or {})}, scoring=scoring, **options)

    def questions(
        self, split: str = "train", *, cell_line: str | None = None, task: str = "de", **options: Any
    ) -> QuestionSet:
        """The benchmark's questions of one split (see `rbio_kg.training.data.question_set.QuestionSet`)."""
        from rbio_kg.training.data.question_set import QuestionSet

        return QuestionSet.from_tables(self.tables, split=split, cell_line=cell_line, task=task, **options)

    def fact_source(self) -> FactSource:
        """The source of the train knockdowns in prompts: the expression verifier.

        Raises:
            VerifierError: it has not been fitted.
        """
        return cast("FactSource", self.verifier("expression"))

    def open_book(self, claims: Iterable[Claim]) -> FactBook:
        """Facts for open-book prompts, their digits scaled on the given train claims.

        Example: `questions.with_facts(workspace.open_book(questions.limit(500).claims()))`.
        """
        from rbio_kg.training.prompts.facts import FactBook

        return FactBook.fit(self.fact_source(), self.snapshot, claims)
