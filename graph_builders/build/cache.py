"""A cache of parsed sources in the workspace, so that a build parses only the sources that changed.

One folder a source: its tables as Parquet, and `parsed.json` with everything else. A parsed source is used again if
three things are unchanged: the package's readers, the source's files, and every part of the context that its reader
used. What a reader uses is recorded while it runs, not declared.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import polars as pl

from rbio_kg.core import cell_lines
from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.graph.identity import gene_names
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph.identity.unrecognised import Unrecognised, UnrecognisedName
from rbio_kg.graph_builders.build.directory import Found
from rbio_kg.graph_builders.parsing.names import Unmapped
from rbio_kg.graph_builders.parsing.ontology_terms import OntologyTerms
from rbio_kg.graph_builders.parsing.parsed import BuildContext, ParsedSource
from rbio_kg.graph_builders.parsing.rejections import Rejections

_SETTLED = {"names": "names", "gene_names": "names", "terms": "terms", "go_terms": "terms", "cell_lines": "cell_lines"}
"""Parts of the context that another source provides; the others are options of the build."""
_PLAIN = ("left_out", "version", "date", "simulated", "name", "licence", "url", "notes")


@cache
def _code() -> str:
    """A digest of the readers and the rules for names: another release may parse the same file differently."""
    digest = hashlib.sha256()
    readers, rules = Path(__file__).parents[1], Path(gene_names.__file__).parent
    for path in (*sorted(readers.rglob("*.py")), *sorted(rules.glob("*.py")), Path(cell_lines.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass
class _Recorded:
    """A context that records which of its attributes are used."""

    context: BuildContext
    used: set[str]

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self.context, name)


class ParsedSourceCache:
    """The parsed sources of one build, taken from the folder where they are up to date.

    Args:
        folder: where they are stored; None stores none.
        context: the build's options.
    """

    def __init__(self, folder: Path | None, context: BuildContext) -> None:
        self.folder = folder
        self.context = context
        self._settled: dict[str, str] = {}
        self._used: set[str] = set()

    def read(self, found: Found, begin: Callable[[], None]) -> tuple[ParsedSource, bool]:
        """A parsed source, and whether it comes from the cache.

        Args:
            found: the source.
            begin: called before its files are read; not called if it comes from the cache.

        Raises:
            SourceError: as the source's reader does.
        """
        target = None if self.folder is None else self.folder / found.entry.name
        identity = hashlib.sha256(json.dumps([_code(), found.entry.name, found.digests]).encode()).hexdigest()
        kept = None if target is None else self._kept(target, identity)
        if kept is not None:
            parsed, used = kept
        else:
            begin()
            recorded = _Recorded(self.context, set())
            parsed = found.entry.read(found.files, cast("BuildContext", recorded))
            used = {name: self._state(name) for name in sorted(recorded.used)}
            if target is not None:
                _write(target, parsed, {"identity": identity, "used": used})
        self._used.add(found.entry.name)
        self._settle(parsed, hashlib.sha256(json.dumps([identity, used]).encode()).hexdigest())
        return parsed, kept is not None

    def forget_others(self) -> None:
        """Remove the parsed sources that this build does not have."""
        if self.folder is not None and self.folder.is_dir():
            for target in self.folder.iterdir():
                if target.name not in self._used:
                    shutil.rmtree(target)

    def _settle(self, parsed: ParsedSource, digest: str) -> None:
        for part in ("names", "terms", "cell_lines"):
            value = getattr(parsed, part)
            if value is not None:
                self.context = self.context.settled(part, value)
                self._settled[part] = digest

    def _state(self, name: str) -> str:
        if name in _SETTLED:
            return self._settled.get(_SETTLED[name], "")
        return repr(getattr(self.context, name))

    def _kept(self, target: Path, identity: str) -> tuple[ParsedSource, dict[str, str]] | None:
        try:
            note = json.loads((target / "parsed.json").read_text(encoding="utf-8"))
            used = dict(note["used"])
            if note["identity"] != identity or any(self._state(name) != state for name, state in used.items()):
                return None
            return _read(target, note), used
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError):
            return None  # Damaged, or of another format: the source is parsed again.


def _write(target: Path, parsed: ParsedSource, note: dict[str, Any]) -> None:
    frames = {f"table.{name}": frame for name, frame in parsed.frames.items()}
    if parsed.names is not None:
        frames |= {"names.labels": parsed.names.labels, "names.ambiguous": parsed.names.ambiguous}
    if parsed.terms is not None:
        obsolete = pl.DataFrame({"id": sorted(parsed.terms.obsolete)}, schema={"id": pl.String})
        frames |= {"terms.redirects": parsed.terms.redirects, "terms.obsolete": obsolete}
    note |= {
        "frames": sorted(frames),
        "rejections": [part.to_json() for part in parsed.rejections],
        "unmapped": parsed.unmapped.kept(),
        "unrecognised": [asdict(report) for report in parsed.unrecognised],
        **{name: getattr(parsed, name) for name in _PLAIN},
    }
    with atomic_folder(target) as folder:
        for name, frame in frames.items():
            frame.write_parquet(folder / f"{name}.parquet", compression="lz4", statistics=False)
        (folder / "parsed.json").write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")


def _read(target: Path, note: dict[str, Any]) -> ParsedSource:
    frames = {name: pl.read_parquet(target / f"{name}.parquet") for name in note["frames"]}
    names = terms = None
    if "names.labels" in frames:
        names = GeneNames(frames.pop("names.labels"), frames.pop("names.ambiguous"))
    if "terms.redirects" in frames:
        terms = OntologyTerms(frames.pop("terms.redirects"), frozenset(frames.pop("terms.obsolete")["id"]))
    return ParsedSource(
        frames={name.removeprefix("table."): frame for name, frame in frames.items()},
        rejections=[Rejections.from_json(part) for part in note["rejections"]],
        unmapped=Unmapped.again(note["unmapped"]),
        unrecognised=[_report(content) for content in note["unrecognised"]],
        names=names,
        terms=terms,
        **{name: note[name] for name in _PLAIN},
    )


def _report(content: Mapping[str, Any]) -> Unrecognised:
    names = (UnrecognisedName(**{**name, "candidates": tuple(name["candidates"])}) for name in content["names"])
    return Unrecognised(**{**content, "names": tuple(names)})
