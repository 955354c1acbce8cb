"""Writing files and folders so that a reader sees the complete old or the complete new content; reading tables.

Everything is written under a temporary name next to the target (`.NAME.PID.tmp`), flushed to disk, and renamed.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rbio_kg.core.errors import SourceError

if TYPE_CHECKING:
    import polars as pl


_LEFTOVER = re.compile(r"^\.(?P<name>.+)\.(?P<process>\d+)\.(?P<ending>tmp|old)(?:\.jsonl)?$")
"""A temporary name; a Parquet file of rows has a second one, which ends in `.jsonl`."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """The path of a temporary file, for writers that take a path. It replaces the target at the end.

    After an error the temporary file is removed and the target is unchanged. Missing parent folders are made. What
    killed processes left of this target is removed. An OSError of the writer names the target.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name, dead_only=True, endings=("tmp",))
    temporary = _temporary(path)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A binary stream to a temporary file, which replaces the target at the end.

    After an error the target is unchanged.

    Args:
        path: the target; missing parent folders are made.
        mode: permissions of the new file, less the process's umask.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "table.csv"
        >>> with atomic_file(target) as stream:
        ...     _ = stream.write(b"gene,score\\n")
        ...     target.exists()
        False
        >>> target.read_text()
        'gene,score\\n'
    """
    with atomic_path(path) as temporary:
        temporary.unlink(missing_ok=True)  # Of a killed process of the same number: it may have other permissions.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            yield stream


@contextmanager
def atomic_folder(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """An empty temporary folder, which replaces the target at the end.

    The old target is removed after the new one is in place. After an error it is unchanged. A process that is killed
    between the two renames leaves the old target as `.NAME.PID.old`. Missing parent folders are made.

    Args:
        folder: the target.
        replace: False keeps a target that another process has written meanwhile, and drops the new one.
    """
    temporary, old = _temporary(folder), folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    remove_leftovers(folder.parent, folder.name, dead_only=True, endings=("tmp",))
    try:
        yield temporary
        sync_folder(temporary)
        if replace and folder.exists():
            folder.replace(old)
        try:
            temporary.replace(folder)
        except OSError:
            if replace or not folder.is_dir():
                raise
        _sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not folder.exists() and old.exists():
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_file(path) as stream:
        stream.write(content)


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a text file in UTF-8 atomically; `mode` as for `atomic_file`."""
    with atomic_file(path, mode=mode) as stream:
        stream.write(text.encode())


def remove_leftovers(
    folder: Path, name: str | None = None, *, dead_only: bool = False, endings: Sequence[str] = ("tmp", "old")
) -> None:
    """Remove the temporary files and folders that killed processes left.

    Args:
        folder: the folder to search, without its subfolders.
        name: the target concerned; None for all.
        dead_only: leave what a living process of this machine writes. Without it no other process may write there.
        endings: `tmp` for new content, `old` for a replaced folder.
    """
    for path in folder.glob(f".{'*' if name is None else glob.escape(name)}.*"):
        parts = _LEFTOVER.search(path.name)
        if parts is None or parts["ending"] not in endings or (name and parts["name"] != name):
            continue
        if dead_only and _lives(int(parts["process"])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=dead_only)
        else:
            path.unlink(missing_ok=dead_only)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Flush everything in a folder to disk."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_table(path: Path, *, what: str = "file") -> pl.DataFrame:
    """A table by its file's ending: Parquet, else CSV (also gzipped) in UTF-8 with every column as text.

    Args:
        path: the file.
        what: its name in messages.

    Raises:
        SourceError: it is missing, not UTF-8 (with the line) or not a table.
    """
    import polars as pl

    try:
        return (
            pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(text_content(path), infer_schema=False)
        )
    except FileNotFoundError:
        raise SourceError(f"there is no such {what}", where=path) from None
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise SourceError(f"cannot be read as a table ({' '.join(str(error).split())[:200]})", where=path) from error


def text_content(path: Path) -> bytes:
    """The content of a text file, unpacked; lines end in `\\n` where the file has `\\r` only.

    Raises:
        OSError: it cannot be read.
        SourceError: it is not UTF-8.
    """
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            "the file is not UTF-8 text",
            where=path,
            line=content.count(b"\n", 0, error.start) + 1,
            hint="save it as UTF-8 (CSV UTF-8 in Excel)",
        ) from None
    return content if b"\n" in content else content.replace(b"\r", b"\n")
