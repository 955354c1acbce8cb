"""What a source is: its name, where its files lie, who publishes them, under which licence, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource

Reader = Callable[[FoundFiles, BuildContext], ParsedSource]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source. Every name is accepted plain, with `.gz` and with `.zip`.

    Args:
        role: what the reading module calls the file.
        name: the file's name as the provider serves it; downloads are stored under it.
        alternatives: other names accepted, as shell patterns (`*`), the most wanted first.
        url: the provider's address, or None where there is none to download from.
        required: False for a file that the source can do without.
        sha256: the expected digest of the download, None where the provider's file changes over time.
        many: True where all matching files are read (one cell line each), not just one.
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
        folder: where its files lie under the sources directory.
        files: its files.
        licence: licence of the data, as the provider states it.
        commercial: True where it allows commercial use.
        url: the provider's home.
        required: True where a graph cannot be built without it.
        read: reads its files.
        title: what it is, for people.
        by_name: True for a source that `fetch` brings only when it is named: its files are large or seldom wanted.
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
