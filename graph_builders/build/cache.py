"""Readings kept beside a workspace's builds, so that only a source that changed is read again.

One folder a source: its tables as Parquet, and `reading.json` with everything else. A reading is used again where the
package's readers, the source's files and every part of the context that its reader looked at are as they were; what
the reader looked at is observed, not declared.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import polars as pl

from rbio_kg.core.atomic_io import write_text
from rbio_kg.graph_builders.build.directory import Found
from rbio_kg.graph_builders.parsing.names import GeneNames, Unmapped
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.sources.go import Terms

_SETTLED = {"names": "names", "gene_names": "names", "terms": "terms", "go_terms": "terms", "cell_lines": "cell_lines"}
"""Parts of the context that an earlier reading settles; the others are options of the build."""
_PLAIN = ("left_out", "version", "date", "simulated", "name", "licence", "url", "notes")


@cache
def _code() -> str:
    """A digest of the readers themselves: another release may read the same file otherwise."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass
class _Recorded:
    """A context that remembers what was asked of it."""

    context: BuildContext
    asked: set[str]

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self.context, name)


class ParsedSourceCache:
    """The readings of one build, taken from the folder where they still hold.

    Args:
        folder: where they are kept; None keeps none.
        context: the build's options.
    """

    def __init__(self, folder: Path | None, context: BuildContext) -> None:
        self.folder = folder
        self.context = context
        self._settled: dict[str, str] = {}
        self._used: set[str] = set()

    def read(self, found: Found, begin: Callable[[], None]) -> tuple[ParsedSource, bool]:
        """The reading of a source, and whether it was kept from before.

        Args:
            found: the source.
            begin: called before its files are read; not where the reading was kept.

        Raises:
            SourceError: as the source's reader does.
        """
        place = None if self.folder is None else self.folder / found.entry.name
        identity = hashlib.sha256(json.dumps([_code(), found.entry.name, found.digests]).encode()).hexdigest()
        kept = None if place is None else self._kept(place, identity)
        if kept is not None:
            reading, asked = kept
        else:
            begin()
            watched = _Recorded(self.context, set())
            reading = found.entry.read(found.files, cast("BuildContext", watched))
            asked = {name: self._state(name) for name in sorted(watched.asked)}
            if place is not None:
                _write(place, reading, {"identity": identity, "asked": asked})
        self._used.add(found.entry.name)
        self._settle(reading, hashlib.sha256(json.dumps([identity, asked]).encode()).hexdigest())
        return reading, kept is not None

    def forget_others(self) -> None:
        """Remove the readings of sources that are no longer there."""
        if self.folder is not None and self.folder.is_dir():
            for place in self.folder.iterdir():
                if place.name not in self._used:
                    shutil.rmtree(place)

    def _settle(self, reading: ParsedSource, digest: str) -> None:
        for part in ("names", "terms", "cell_lines"):
            value = getattr(reading, part)
            if value is not None:
                self.context = self.context.settled(part, value)
                self._settled[part] = digest

    def _state(self, name: str) -> str:
        if name in _SETTLED:
            return self._settled.get(_SETTLED[name], "")
        return repr(getattr(self.context, name))

    def _kept(self, place: Path, identity: str) -> tuple[ParsedSource, dict[str, str]] | None:
        try:
            note = json.loads((place / "reading.json").read_text(encoding="utf-8"))
            asked = dict(note["asked"])
            if note["identity"] != identity or any(self._state(name) != state for name, state in asked.items()):
                return None
            return _read(place, note), asked
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError):
            return None  # Damaged or of another form: it is read again.


def _write(place: Path, reading: ParsedSource, note: dict[str, Any]) -> None:
    """The note is written last, so that a reading cut short has none."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    frames = {f"table.{name}": frame for name, frame in reading.frames.items()}
    if reading.names is not None:
        frames |= {"names.labels": reading.names.labels, "names.ambiguous": reading.names.ambiguous}
    if reading.terms is not None:
        obsolete = pl.DataFrame({"id": sorted(reading.terms.obsolete)}, schema={"id": pl.String})
        frames |= {"terms.redirects": reading.terms.redirects, "terms.obsolete": obsolete}
    for name, frame in frames.items():
        frame.write_parquet(place / f"{name}.parquet", compression="lz4", statistics=False)
    note |= {
        "frames": sorted(frames),
        "rejections": [part.to_json() for part in reading.rejections],
        "unmapped": reading.unmapped.kept(),
        **{name: getattr(reading, name) for name in _PLAIN},
    }
    write_text(place / "reading.json", json.dumps(note, ensure_ascii=False))


def _read(place: Path, note: dict[str, Any]) -> ParsedSource:
    frames = {name: pl.read_parquet(place / f"{name}.parquet") for name in note["frames"]}
    names = terms = None
    if "names.labels" in frames:
        names = GeneNames(frames.pop("names.labels"), frames.pop("names.ambiguous"))
    if "terms.redirects" in frames:
        terms = Terms(frames.pop("terms.redirects"), frozenset(frames.pop("terms.obsolete")["id"]))
    return ParsedSource(
        frames={name.removeprefix("table."): frame for name, frame in frames.items()},
        rejections=[Rejections.from_json(part) for part in note["rejections"]],
        unmapped=Unmapped.again(note["unmapped"]),
        names=names,
        terms=terms,
        **{name: note[name] for name in _PLAIN},
    )
