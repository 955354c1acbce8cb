"""The declaration of a source: its name, files, provider, licence and reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource

Reader = Callable[[FoundFiles, BuildContext], ParsedSource]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source. Every name is accepted plain, with `.gz` and with `.zip`.

    Args:
        role: the file's name in the module that parses it.
        name: the file's name as the provider serves it; downloads are stored under it.
        alternatives: other names accepted, as shell patterns (`*`), by preference.
        url: the provider's address, or None if it cannot be downloaded.
        required: False for an optional file.
        sha256: the expected digest of the download, None where the provider's file changes over time.
        many: True if all matching files are parsed (one per cell line), not just one.
    """

    role: str
    name: str
    alternatives: tuple[str, ...] = ()
    url: str | None = None
    required: bool = True
    sha256: str | None = None
    many: bool = False


@dataclass(frozen=True)
class SourceEntry:
    """One source, as its module declares it.

    Args:
        name: the name that relationships carry in `source`, also accepted in lower case on the command line.
        folder: folder of its files in the sources directory.
        files: its files.
        licence: licence of the data, as the provider states it.
        commercial: True if it allows commercial use.
        url: the provider's home.
        required: True if a graph cannot be built without it.
        read: parses its files.
        title: its content in a few words.
        by_name: True for a source that `fetch` downloads only by name, because its files are large or rarely needed.
    """

    name: str
    folder: str
    files: tuple[SourceFile, ...]
    licence: str
    commercial: bool
    url: str
    required: bool
    read: Reader
    title: str
    by_name: bool = False
