"""Reads the bytes of a provider's file: plain, gzip or zip by content, within generous size limits."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO

from rbio_kg.core.errors import SourceError

MOST_EXPANSION = 100
"""Largest ratio of unpacked to packed size; providers' files reach about 25."""
MOST_BYTES = 1 << 35
"""Largest unpacked size of a packed file, 32 GiB; the largest file of the register has about 1 GiB."""
UNCHECKED = 1 << 26
"""The ratio is not checked up to 64 MiB: a short file may repeat one line."""
AGAIN = "download a provider's file again; correct a file of your own"
ENCODING = "save it as UTF-8 text; a provider's file: rbio-kg fetch it again"
_OTHER_FORMATS = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"PAR1", "Parquet"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@contextmanager
def open_file(path: Path) -> Iterator[io.BufferedReader]:
    """A regular file, opened without unpacking. A pipe or a device is refused, because reading it might never end.

    Raises:
        SourceError: the file is missing, unreadable or not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("this is not a regular file", where=path, hint="put the file itself there")
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise SourceError("the file is missing", where=path, hint="run rbio-kg fetch, or correct the path") from None
    except OSError as error:
        raise SourceError(
            f"the file cannot be read ({error.strerror or error})", where=path, hint="check the path and its rights"
        ) from error


@contextmanager
def _archive(raw: IO[bytes], path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(raw) as archive:
            yield archive
    # zipfile checks checksums, but not all numbers and names: wrong ones raise various errors.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, LookupError) as error:
        raise SourceError(f"the zip archive is damaged ({error})", where=path, hint=AGAIN) from error


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [item for item in archive.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX")]
    named = [item for item in members if Path(item.filename).name == path.stem]
    for choice in (members, named):
        if len(choice) == 1:
            return choice[0]
    raise SourceError(
        f"the zip archive holds {len(members)} files, not one", where=path, hint="unpack the one that is meant"
    )


def archive_date(path: Path) -> str | None:
    """The date (ISO 8601) of the file in a zip archive; None for other files, or without a date.

    Raises:
        SourceError: the file is unreadable or a damaged archive.
    """
    with open_file(path) as raw:
        if not raw.read(4).startswith(_ZIP):
            return None
        with _archive(raw, path) as archive:
            year, month, day = _member(archive, path).date_time[:3]
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None  # Some tools leave month and day at 0.


def _check_expansion(unpacked: int, packed: int, path: Path) -> None:
    most = max(UNCHECKED, min(MOST_BYTES, MOST_EXPANSION * packed))
    if unpacked > most:
        raise SourceError(
            f"the compressed file expands to more than {most:,} bytes",
            where=path,
            hint="it is not a provider's file: download that again, or give a file of your own plain",
        )


@contextmanager
def _unpacked(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    start = raw.read(6)
    raw.seek(0)
    for magic, name in _OTHER_FORMATS:
        if start.startswith(magic):
            raise SourceError(f"the file is in {name} format", where=path, hint="give it plain, gzipped or zipped")
    if start.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield io.BufferedReader(stream)
        except EOFError:
            raise SourceError("the compressed file breaks off", where=path, hint=AGAIN) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise SourceError(f"the compressed file is damaged ({error})", where=path, hint=AGAIN) from error
    elif start.startswith(_ZIP):
        with _archive(raw, path) as archive:
            item = _member(archive, path)
            if item.compress_type not in _METHODS or item.flag_bits & _ENCRYPTED:
                raise SourceError(
                    "the zip archive is encrypted or compressed in an uncommon way", where=path, hint="give it plain"
                )
            # zipfile never reads more than the size that the archive states.
            _check_expansion(item.file_size, min(item.compress_size, path.stat().st_size), path)
            with archive.open(item) as member:
                yield member
    else:
        yield raw


def chunks(path: Path, size: int) -> Iterator[bytes]:
    """The content, decompressed, in pieces of at most `size` bytes.

    Raises:
        SourceError: the file is missing, not a regular file, damaged, wrongly compressed, or expands to more than
            `MOST_EXPANSION` or `MOST_BYTES` allows.
    """
    total = 0
    with open_file(path) as raw, _unpacked(raw, path) as stream:
        while chunk := stream.read(size):
            total += len(chunk)
            if stream is not raw:
                _check_expansion(total, raw.tell(), path)
            yield chunk
