"""Downloads the providers' files into a sources directory, which `build` then parses.

Each file has its provider's name, in its source's folder. A `fetched.json` in that folder has the address, length and
sha256 of every file. Files that are present are used again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import FetchError
from rbio_kg.core.progress import Progress
from rbio_kg.graph_builders.download.download import FileGoneError, Patience, download
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.register import REGISTER, entry

RECORD = "fetched.json"
AGENT = "rbio-kg (+https://pypi.org/project/rbio-kg)"


@dataclass(frozen=True)
class FetchedFile:
    """One file after a fetch.

    Args:
        source: name of the source in the register.
        name: the file's name.
        path: its path; None if an optional file is unavailable.
        url: its address.
        bytes: its length; None with `path`.
        sha256: hexadecimal; None with `path`.
        state: `downloaded`, `resumed`, `reused` or `unavailable`.
        note: text for the user: why the file was reused, or why it is unavailable.
    """

    source: str
    name: str
    path: Path | None
    url: str
    bytes: int | None
    sha256: str | None
    state: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "path": None if self.path is None else str(self.path)}


@dataclass(frozen=True)
class ListedFile:
    """One file that can be fetched: `state` is `present`, `partial` or `missing`; `bytes` is its present length."""

    source: str
    title: str
    name: str
    url: str
    licence: str
    commercial: bool
    required: bool
    path: Path
    state: str
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "path": str(self.path)}


def fetch_sources(
    directory: Path, names: Sequence[str] | None = None, *, progress: Progress | None = None, mirror: str | None = None
) -> list[FetchedFile]:
    """`fetch` for sources by name; without names, for all of the register except the large ones.

    Raises:
        SourceError: a name is not in the register.
        FetchError: as `fetch`.
    """
    entries = _entries(names) if names else [source for source in REGISTER if not source.by_name]
    return fetch(entries, directory, progress=progress, base_url_override=mirror)


def fetch(
    entries: Sequence[SourceEntry],
    directory: Path,
    *,
    progress: Progress | None = None,
    base_url_override: str | None = None,
    patience: Patience | None = None,
    client: httpx.Client | None = None,
) -> list[FetchedFile]:
    """Download all files of some sources; files that are present are checked and used again.

    An interrupted or failed run leaves complete files and the beginnings of others (`.part`); the next run continues.

    Args:
        entries: sources of the register.
        directory: the sources directory; made if it is missing.
        progress: called with the current file and the finished share of all files.
        base_url_override: address of a mirror laid out like a sources directory, instead of the providers' addresses.
        patience: retries and waits.
        client: an httpx client with your proxies and certificates; by default one that uses HTTPS_PROXY.

    Returns:
        One record per file, in the register's order. An optional file that the provider does not have is `unavailable`.

    Raises:
        FetchError: a required file is unavailable, a present file is not the one that was fetched, another fetch is
            running on the directory, or it cannot be written.
    """
    wanted = [(source, file, file.url) for source in entries for file in source.files if file.url is not None]
    patience = patience or Patience()
    results = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / ".fetch.lock", timeout=0):
            talker = client or httpx.Client(timeout=patience.timeout, headers={"User-Agent": AGENT})
            try:
                for number, (source, file, address) in enumerate(wanted):
                    url = _mirrored(base_url_override, source, file) or address
                    report = _Share(progress, f"{source.name} {file.name}", number, len(wanted))
                    results.append(
                        _one(talker, _Wanted(source, file, url, directory / source.folder), patience, report)
                    )
            finally:
                if client is None:
                    talker.close()
    except Timeout:
        raise FetchError("another fetch is at work here", where=directory, hint="wait for it to end") from None
    except OSError as error:
        raise FetchError(
            f"the files cannot be written ({error.strerror or error})",
            where=error.filename or directory,
            hint="free disk space, or choose another workspace; downloaded bytes are kept",
        ) from error
    return results


def list_files(directory: Path, names: Sequence[str] | None = None) -> list[ListedFile]:
    """The files that `fetch_sources` would download, and their present state.

    Raises:
        SourceError: a name is not in the register.
    """
    listed = []
    for source in _entries(names):
        for file in source.files:
            if file.url is None:
                continue
            target = directory / source.folder / file.name
            part = target.with_name(f"{target.name}.part")
            found = _present(target)
            state, path = ("present", found) if found else ("partial", part) if part.exists() else ("missing", target)
            size = path.stat().st_size if path.exists() else 0
            about = (source.name, source.title, file.name, file.url, source.licence, source.commercial)
            listed.append(ListedFile(*about, source.required and file.required, path, state, size))
    return listed


def _entries(names: Sequence[str] | None) -> list[SourceEntry]:
    return [entry(name) for name in names] if names else list(REGISTER)


def _mirrored(base: str | None, source: SourceEntry, file: SourceFile) -> str | None:
    return None if base is None else f"{base.rstrip('/')}/{source.folder}/{file.name}"


def _present(target: Path) -> Path | None:
    """The present file, plain or compressed."""
    plain = target.name.removesuffix(".gz").removesuffix(".zip")
    for name in dict.fromkeys((target.name, plain, f"{plain}.gz", f"{plain}.zip")):
        path = target.with_name(name)
        if path.is_file():
            return path
    return None


class _Share:
    """Converts bytes of one file into a share of all files, and passes on one message in a hundred."""

    def __init__(self, progress: Progress | None, label: str, number: int, count: int) -> None:
        self.progress, self.label, self.number, self.count = progress, label, number, count
        self.last = -1

    def __call__(self, size: int, total: int | None) -> None:
        step = size * 100 // total if total else size >> 20
        if step != self.last:
            self.last = step
            megabytes = f"{size / 1e6:.1f}" + (f" of {total / 1e6:.1f}" if total else "")
            self.say(f"{megabytes} MB", size / total if total else 0.0)

    def say(self, message: str, share: float) -> None:
        if self.progress is not None:
            self.progress(f"{self.label}: {message}", (self.number + min(share, 1.0)) / self.count)


@dataclass(frozen=True)
class _Wanted:
    source: SourceEntry
    file: SourceFile
    url: str
    folder: Path

    def result(self, path: Path, sha256: str, state: str, note: str) -> FetchedFile:
        return FetchedFile(self.source.name, path.name, path, self.url, path.stat().st_size, sha256, state, note)


def _one(client: httpx.Client, wanted: _Wanted, patience: Patience, report: _Share) -> FetchedFile:
    file, folder, url = wanted.file, wanted.folder, wanted.url
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    found = _present(target)
    if found is not None:
        return _reused(wanted, found, report)
    try:
        came = download(client, url, target, sha256=file.sha256, patience=patience, report=report)
    except FileGoneError as error:
        # Optional files may be missing from a release; a bad connection is still an error.
        if file.required:
            raise
        report.say(f"unavailable ({error.what})", 1.0)
        return FetchedFile(wanted.source.name, file.name, None, url, None, None, "unavailable", error.what)
    record = {"url": url, "bytes": came.size, "sha256": came.sha256}
    _note(folder, file.name, record | {"etag": came.etag, "last_modified": came.last_modified})
    state, note = "downloaded", ""
    if came.resumed_from:
        state, note = "resumed", f"went on after {came.resumed_from:,} bytes of an earlier run"
    report.say(f"{came.size / 1e6:.1f} MB, {state}", 1.0)
    return wanted.result(target, came.sha256, state, note)


def _reused(wanted: _Wanted, path: Path, report: _Share) -> FetchedFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    noted = _notes(path.parent).get(path.name, {}).get("sha256")
    expected = (wanted.file.sha256 if path.name == wanted.file.name else None) or noted
    if expected is not None and digest != expected:
        raise FetchError(
            f"the file has changed since it was fetched: its sha256 is {digest}, not {expected}",
            where=path,
            hint="delete it to fetch it again, or move it to a folder of your own and use --sources",
        )
    note = "already there, checksum verified" if expected else "already there, not fetched by rbio-kg: not verified"
    report.say(note, 1.0)
    return wanted.result(path, digest, "reused", note)


def _notes(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise FetchError(f"the record cannot be read ({error})", where=path, hint="delete it") from error
    if not isinstance(content, dict) or not all(isinstance(item, dict) for item in content.values()):
        raise FetchError("the record is not a table of files", where=path, hint="delete it")
    return content


def _note(folder: Path, name: str, record: dict[str, Any]) -> None:
    notes = {**_notes(folder), name: record}
    write_text(folder / RECORD, json.dumps(notes, indent=2, sort_keys=True) + "\n")
