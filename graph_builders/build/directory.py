"""Finds the files of the registered sources in a sources directory and takes their digests."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.content import open_file
from rbio_kg.graph_builders.parsing.parsed import FoundFiles
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.register import REGISTER

_ENDINGS = ("", ".gz", ".zip")
_OWN = re.compile(
    r"(?i)\..*|fetched\.json|simulated\.json|.*\.part(?:\.json)?|(?:sources|readme|licen[cs]e|notice|copying)(?:\..*)?"
    r"|.*\.(?:md5|sha1|sha256|sha512|asc|sig)|(?:md5|sha\d+)sums?(?:\..*)?|checksums?(?:\..*)?"
)
"""Files that accompany the data: what `fetch` writes, checksums, and texts about the data."""


@dataclass(frozen=True)
class Found:
    """One source with its files.

    Args:
        entry: its entry in the register.
        files: its files.
        digests: (name below the sources directory, sha256) of each file, sorted.
    """

    entry: SourceEntry
    files: FoundFiles
    digests: tuple[tuple[str, str], ...]

    @property
    def sha256(self) -> str:
        """One digest for all files: of the only file, else of the list of names and digests."""
        if len(self.digests) == 1:
            return self.digests[0][1]
        return hashlib.sha256("".join(f"{name}\t{digest}\n" for name, digest in self.digests).encode()).hexdigest()


def find_sources(sources: Path, commercial_only: bool = False) -> list[Found]:
    """Every registered source with files in the directory, in the order of the register.

    Args:
        sources: the sources directory.
        commercial_only: leave out sources whose licence does not allow commercial use.

    Raises:
        SourceError: the directory or a required file is missing, a name fits several files, or a source without which
            there is no graph does not allow commercial use.
    """
    if not sources.is_dir():
        raise SourceError(
            "the sources directory is missing", where=sources, hint="run rbio-kg fetch, or name one with --sources"
        )
    wanted = []
    for entry in REGISTER:
        if entry.commercial or not commercial_only:
            wanted.append(entry)
        elif entry.required:
            raise SourceError(
                f"{entry.name} is needed for every graph, but its licence ({entry.licence}) allows no commercial use",
                hint="build without --commercial-only",
            )
    return [found for entry in wanted if (found := _find(entry, sources)) is not None]


def _find(entry: SourceEntry, sources: Path) -> Found | None:
    folder = sources / entry.folder
    roles = dict.fromkeys(file.role for file in entry.files)
    paths: dict[str, tuple[Path, ...]] = {}
    lacking: list[SourceFile] = []
    for role in roles:
        wanted = [file for file in entry.files if file.role == role]
        found = sorted({path for file in wanted for path in _matches(folder, file)})
        if found:
            paths[role] = tuple(found)
        elif wanted[0].required:
            lacking.append(wanted[0])
    if entry.required and (lacking or not paths):
        raise SourceError(
            f"{entry.name} is missing: there is no {lacking[0].name}",
            where=folder,
            hint=f"run rbio-kg fetch {entry.name.lower()}, or put the file there (plain, .gz or .zip)",
        )
    if not paths or set(paths) == {"simulated"}:
        return None
    if lacking:
        raise SourceError(
            f"{entry.name} is incomplete: there is no {lacking[0].name}",
            where=folder,
            hint=f"run rbio-kg fetch {entry.name.lower()}, or take its other files away",
        )
    every = sorted(path for group in paths.values() for path in group)
    for path in every:
        _check_name(path)
    digests = tuple((path.relative_to(sources).as_posix(), _sha256(path)) for path in every)
    return Found(entry, FoundFiles(paths), digests)


def unclaimed_files(sources: Path) -> list[str]:
    """Files below the sources directory that no registered source takes, by their names below it, sorted.

    Files that `fetch` writes, checksums and texts such as `SOURCES.md` are not counted.
    """
    claimed = {
        path
        for entry in REGISTER
        for file in entry.files
        for pattern in _patterns(file)
        for path in (sources / entry.folder).glob(pattern)
    }
    names = []
    for folder, folders, files in os.walk(sources):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(folder, name) for name in files if not _OWN.fullmatch(name)]
        names += [path.relative_to(sources).as_posix() for path in paths if path not in claimed]
    return sorted(names)


def _patterns(file: SourceFile) -> Iterator[str]:
    base = file.name.removesuffix(".gz").removesuffix(".zip")
    for pattern in (base, *file.alternatives):
        yield from (pattern + ending for ending in _ENDINGS)


def _matches(folder: Path, file: SourceFile) -> Iterator[Path]:
    """The file of the most wanted name; for a role with many files, all of them, one of each name."""
    base = file.name.removesuffix(".gz").removesuffix(".zip")
    for pattern in (base, *file.alternatives):
        by_stem: dict[str, Path] = {}
        for ending in _ENDINGS:
            for path in sorted(folder.glob(pattern + ending)):
                # If a file is present both plain and compressed, the plain one is used.
                by_stem.setdefault(path.name.removesuffix(ending), path)
        if file.many:
            yield from by_stem.values()
        elif len(by_stem) > 1:
            raise SourceError(
                f"several files fit {pattern}: {', '.join(sorted(path.name for path in by_stem.values()))}",
                where=folder,
                hint="leave the one that is meant",
            )
        elif by_stem:
            yield from by_stem.values()
            return


def _check_name(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise SourceError(
            f"the file's name is not UTF-8: {path.name!a}", where=path.parent, hint="rename the file"
        ) from None


def _sha256(path: Path) -> str:
    with open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
