"""The record of a build: its inputs, its options and its counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import BuildError
from rbio_kg.core.paths import WorkspacePaths

if TYPE_CHECKING:
    from rbio_kg.graph_builders.build.losses import Losses

FORMAT = 3
"""Version of the tables' and the manifest's format and of the rules for names; a part of the build id."""
CURRENT_FORMAT = 2
"""Version of the note of the current build. Version 1 had no number and recorded absolute paths."""
_AGAIN = "run rbio-kg build"


@dataclass(frozen=True)
class SourceRecord:
    """One source as it was parsed.

    Args:
        name: the name that relationships carry.
        version: the provider's version, None if the files do not state it.
        date: date of the release, ISO 8601, None if the files do not state it.
        sha256: one digest of all files.
        rows: rows kept.
        rejected: rows rejected.
        reasons: the first ten rejections: `file`, `line`, `why`.
        licence: licence of the data.
        commercial: True if it allows commercial use.
        url: the provider's address.
        simulated: True if the rows come from a model.
        files: `name` below the sources directory and `sha256`.
        rows_read: rows in the files; rows + rejected + left out + unmapped rows.
        left_out: rows left out on purpose, by kind.
        notes: further counts (rows merged, ids replaced); no rows are lost to them.
    """

    name: str
    version: str | None
    date: str | None
    sha256: str
    rows: int
    rejected: int
    reasons: list[dict[str, Any]]
    licence: str
    commercial: bool
    url: str
    simulated: bool
    files: list[dict[str, str]]
    rows_read: int
    left_out: dict[str, int]
    notes: dict[str, int]


@dataclass(frozen=True)
class Manifest:
    """The record of one build.

    Args:
        build_id: 16 hexadecimal digits: the hash of format, options and the inputs' names and digests.
        options: the build's options that change the graph (`BuildOptions.recorded`).
        sources: the sources in the build.
        absent: registered sources that were missing.
        nodes: label -> count.
        relationships: type -> count.
        questions: questions by task, cell line and split.
        names: `ambiguous`: the number of labels that mean several genes, and the first of them.
        unmapped: source -> rows with a name that is no gene, as JSON values (see `losses`).
        seconds: `read`, `assemble`, `snapshot`. Not part of the identity.
        reused: True if the workspace had a build of the same id. Not stored.
        kept: sources that were taken from the cache of parsed sources. Not stored.
    """

    build_id: str
    options: dict[str, Any]
    sources: list[SourceRecord]
    absent: list[str]
    nodes: dict[str, int]
    relationships: dict[str, int]
    questions: list[dict[str, Any]]
    names: dict[str, Any]
    unmapped: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    reused: bool = field(default=False, compare=False)
    kept: list[str] = field(default_factory=list, compare=False)

    @property
    def rejected_rows(self) -> int:
        """Rows rejected in all sources."""
        return sum(source.rejected for source in self.sources)

    @property
    def simulated_sources(self) -> tuple[str, ...]:
        """Names of the sources whose rows come from a model instead of a laboratory."""
        return tuple(source.name for source in self.sources if source.simulated)

    @property
    def simulated(self) -> bool:
        """True if any source's rows come from a model."""
        return any(source.simulated for source in self.sources)

    @property
    def losses(self) -> dict[str, Losses]:
        """Source -> its rows with a name that is no gene."""
        from rbio_kg.graph_builders.build.losses import Losses

        return {source: Losses.from_json(content) for source, content in self.unmapped.items()}

    def source(self, name: str) -> SourceRecord | None:
        """The record of one source, None if the build does not have it."""
        return next((item for item in self.sources if item.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        content = {"format": FORMAT, **asdict(self)}
        del content["reused"], content["kept"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Manifest:
        """The inverse of `to_json`.

        Raises:
            BuildError: another format, or parts are missing.
        """
        values = dict(content)
        if values.pop("format", None) != FORMAT:
            raise BuildError(f"the manifest is not of format {FORMAT}", hint=_AGAIN)
        try:
            values["sources"] = [SourceRecord(**source) for source in values["sources"]]
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise BuildError(f"the manifest is damaged ({error})", hint=_AGAIN) from error


def load_manifest(path: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        BuildError: missing, damaged, or of another format.
    """
    try:
        return Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BuildError("there is no finished build", where=path, hint=_AGAIN) from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BuildError(f"the manifest cannot be read ({error})", where=path, hint=_AGAIN) from error
    except BuildError as error:
        raise BuildError(error.what, where=path, hint=error.hint) from None


@dataclass(frozen=True)
class CurrentBuild:
    """The build that a workspace uses.

    Args:
        build_id: its id.
        sources: the directory of its source files, absolute.
        store: address of the chosen store, with an absolute path; None for the one in the workspace.
    """

    build_id: str
    sources: str
    store: str | None = None


def read_current(paths: WorkspacePaths, file: Path | None = None) -> CurrentBuild:
    """The build in use, or the one that another file of the same form names.

    Raises:
        BuildError: nothing has been built, or the note of it is damaged.
    """
    path = file or paths.current_build
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        build_id, sources, store = content["build_id"], content["sources"], content.get("store")
    except (FileNotFoundError, NotADirectoryError):
        raise BuildError("no graph has been built in this workspace", where=paths.root, hint=_AGAIN) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BuildError(f"the note of the current build is damaged ({error})", where=path, hint=_AGAIN) from error
    if not (isinstance(build_id, str) and isinstance(sources, str) and isinstance(store, str | None)):
        raise BuildError("the note of the current build is damaged (a value is not text)", where=path, hint=_AGAIN)
    place = _embedded(store)
    if store is not None and place is not None:
        if "format" in content:
            store = f"embedded:{paths.located(place)}"
        elif Path(place).is_absolute() and Path(place).parts[-2:] == paths.store.parts[-2:]:
            # Notes without a format recorded the default store by its absolute path, which a copy must not follow.
            store = None
    return CurrentBuild(build_id, str(paths.located(sources)), store)


def write_current(
    paths: WorkspacePaths, identity: str, sources: Path, store: str | None = None, *, file: Path | None = None
) -> None:
    """Record the build in use (or in another file of the same form).

    Args:
        paths: the workspace; paths inside it are recorded relative to it.
        identity: id of the build.
        sources: directory of its source files.
        store: address of its store. Without it the recorded store stays.
        file: another file than `paths.current_build`.
    """
    try:
        before = read_current(paths)
    except BuildError:
        before = None  # There is none, or it is damaged and will be replaced.
    if store is None and before is not None:
        store = before.store
    if store == paths.default_store:
        store = None
    place = _embedded(store)
    content = {
        "format": CURRENT_FORMAT,
        "build_id": identity,
        "sources": paths.recorded(sources),
        "store": store if place is None else f"embedded:{paths.recorded(Path(place).expanduser().absolute())}",
    }
    path = file or paths.current_build
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_text(path, text)


def _embedded(store: str | None) -> str | None:
    """The path in the address of an embedded store; None for another store."""
    return None if store is None or not store.startswith("embedded:") else store.removeprefix("embedded:")


def read_manifest(paths: WorkspacePaths) -> Manifest:
    """The manifest of the build in use.

    Raises:
        BuildError: nothing has been built, or it is incomplete.
    """
    return load_manifest(paths.build(read_current(paths).build_id) / "manifest.json")
