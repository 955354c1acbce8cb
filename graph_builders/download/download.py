"""Downloads one file over HTTP: with resume and retries; the file appears when it is complete.

Meanwhile the file is called NAME.part, and NAME.part.json has the address and the server's validator. A later run, also
of another process, continues from there (RFC 9110: Range with If-Range).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from rbio_kg.core.errors import FetchError

Report = Callable[[int, int | None], None]
"""Called with the number of bytes so far and the total (None: unknown)."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_BY_HAND = "try again later, or put the file there by hand"


@dataclass(frozen=True)
class Patience:
    """Limits for retries on a bad connection.

    Args:
        retries: further attempts that bring no new bytes.
        wait: seconds before the second attempt, doubled each time.
        longest_wait: longest time between two attempts in seconds, even if the server asks for more.
        timeout: seconds without a byte after which an attempt fails.
    """

    retries: int = 4
    wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0


@dataclass(frozen=True)
class Download:
    """A finished download.

    Args:
        size: bytes of the file.
        sha256: of the file, hexadecimal.
        etag, last_modified: from the server, None if it sent none.
        resumed_from: bytes from an earlier run; 0 for a download from the start.
    """

    size: int
    sha256: str
    etag: str | None
    last_modified: str | None
    resumed_from: int


class FileGoneError(FetchError):
    """The server has no such file (404 or 410)."""


class _PassingFaultError(Exception):
    """A transient fault; `wait` is the time in seconds that the server asks for."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


def download(
    client: httpx.Client, url: str, target: Path, *, sha256: str | None, patience: Patience, report: Report
) -> Download:
    """Download `url` to `target`, which is replaced in one step by the complete, checked file.

    Args:
        client: the HTTP client.
        url: address.
        target: path of the file; its folder exists.
        sha256: the expected digest; None if it is unknown.
        patience: limits for retries.
        report: called after every chunk.

    Raises:
        FetchError: the server refuses, the connection stays bad, or the content is not the file. Except in the last
            case, the bytes are kept for the next run.
    """
    part = _Part(target)
    resumed_from = part.resume_point(url)[0]
    failures, best = 0, resumed_from
    while True:
        try:
            headers = _attempt(client, url, part, report)
            break
        except _PassingFaultError as fault:
            failures = 0 if part.size() > best else failures + 1
            best = max(best, part.size())
            if failures > patience.retries:
                kept = f"; the {part.size():,} bytes that came are kept" if part.resume_point(url)[0] else ""
                raise FetchError(
                    f"{target.name} could not be downloaded: {fault} ({failures} attempts){kept}",
                    where=url,
                    hint=f"check the connection and run the same command again, or put the file at {target} by hand",
                ) from fault
            wait = max(patience.wait * 2.0 ** max(failures - 1, 0), fault.wait or 0.0)
            time.sleep(min(wait, patience.longest_wait))
    digest = _checked(part, url, target, sha256)
    size = part.size()
    part.finish()
    return Download(size, digest, headers.get("etag"), headers.get("last-modified"), min(resumed_from, size))


def _attempt(client: httpx.Client, url: str, part: _Part, report: Report) -> httpx.Headers:
    offset, validator = part.resume_point(url)
    # Bytes must mean the same in every answer, so no transfer compression.
    headers = {"Accept-Encoding": "identity"}
    if validator:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    try:
        with client.stream("GET", url, headers=headers, follow_redirects=True) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and validator:
                if answer.headers.get("content-range", "").strip() == f"bytes */{offset}":
                    return answer.headers  # All bytes are there, only the last step is missing.
                part.discard()
                raise _PassingFaultError("the server no longer has the rest of this file")
            _require_content(answer, url, part.target)
            if answer.status_code == httpx.codes.PARTIAL_CONTENT:
                total = _continued(answer, offset, part)
            else:  # The complete file: the first attempt, or a server that does not resume, or a file that changed.
                encoded = answer.headers.get("content-encoding", "identity") != "identity"
                length = answer.headers.get("content-length", "")
                total = int(length) if length.isdigit() and not encoded else None
                part.start(url, None if encoded else _validator(answer.headers))
            _receive(answer, part, total, report)
            return answer.headers
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.DecodingError, httpx.InvalidURL) as error:
        raise FetchError(f"{part.target.name} cannot be downloaded: {error}", where=url, hint=_BY_HAND) from error
    except httpx.TransportError as error:
        raise _PassingFaultError(str(error) or type(error).__name__) from error


def _require_content(answer: httpx.Response, url: str, target: Path) -> None:
    status = answer.status_code
    if status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        return
    reason = f"the server answered {status} {answer.reason_phrase}".rstrip()
    if status in _PASSING:
        retry_after = answer.headers.get("retry-after", "")
        raise _PassingFaultError(reason, wait=float(retry_after) if retry_after.isdigit() else None)
    what = f"{target.name} could not be downloaded: {reason}"
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        hint = f"the provider may have moved it: look for it on the provider's pages and put it at {target}"
        raise FileGoneError(what, where=url, hint=hint)
    raise FetchError(what, where=url, hint=f"download it with a browser and put it at {target}")


def _continued(answer: httpx.Response, offset: int, part: _Part) -> int | None:
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("content-range", "").strip())
    if match is None or int(match[1]) != offset:
        part.discard()
        raise _PassingFaultError("the server sent another range than the requested one")
    return None if match[2] == "*" else int(match[2])


def _receive(answer: httpx.Response, part: _Part, total: int | None, report: Report) -> None:
    # A server may label a .gz file itself as an encoding: then the raw bytes are the file. Chunks are taken as they
    # come: bytes that wait for a full chunk would be lost with the connection.
    compressed = part.target.suffix in (".gz", ".zip")
    chunks = answer.iter_raw() if compressed else answer.iter_bytes()
    with part.path.open("ab") as stream:
        size = stream.tell()
        report(size, total)
        for chunk in chunks:
            stream.write(chunk)
            size += len(chunk)
            report(size, total)
    if total is not None and size != total:
        raise _PassingFaultError(f"{size:,} bytes came, {total:,} were announced")


def _validator(headers: httpx.Headers) -> str | None:
    etag: str | None = headers.get("etag")
    date: str | None = headers.get("last-modified")
    # A weak tag does not promise the same bytes.
    return etag if etag and not etag.startswith("W/") else date


def _checked(part: _Part, url: str, target: Path, expected: str | None) -> str:
    try:
        problem = _problem(part.path, target.suffix)
        with part.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        problem, digest = f"the file is damaged ({error})", ""
    if problem is None and expected is not None and digest != expected:
        problem = f"its sha256 is {digest}, not {expected}"
    if problem is not None:
        part.discard()
        raise FetchError(
            f"{target.name} is not what it should be: {problem}",
            where=url,
            hint=f"open the address in a browser (a proxy or a log-in page may stand between), or put it at {target}",
        )
    return digest


def _problem(path: Path, suffix: str) -> str | None:
    with path.open("rb") as stream:
        start = stream.read(512)
    if not start:
        return "the server sent nothing"
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "the server sent a web page"
    if suffix == ".gz":
        if not start.startswith(b"\x1f\x8b"):
            return "it is not gzipped"
        with gzip.open(path) as stream:
            while stream.read(1 << 20):
                pass
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        return f"{broken} in it is damaged" if broken else None
    return None


class _Part:
    """The file during its download."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def resume_point(self, url: str) -> tuple[int, str | None]:
        """Bytes from this address, and the validator for requesting the rest; 0 and None: start again."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            validator = note["validator"] if note["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError):
            validator = None  # Without a usable note the file is fetched from the start.
        size = self.size()
        return (size, validator) if size and isinstance(validator, str) else (0, None)

    def start(self, url: str, validator: str | None) -> None:
        # The old note goes first: a note must never describe other bytes.
        self.discard()
        self.path.touch()
        if validator:
            self.note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def discard(self) -> None:
        self.note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.replace(self.target)
        self.note.unlink(missing_ok=True)
