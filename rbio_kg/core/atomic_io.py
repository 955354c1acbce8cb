"""Files: written so that a reader never sees half of one; tables that users hand over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rbio_kg.core.errors import SourceError

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A stream to a file beside the target: flushed to disk and renamed over it at the end, removed after an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside the target: renamed over it at the end, removed after an error, which leaves the target.

    Its parents are made. A target that could not be replaced is put back.
    """
    temporary, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.replace(old)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not folder.exists() and old.exists():
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the target, flush to disk, then rename over it."""
    with atomic_file(path) as stream:
        stream.write(content)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` in UTF-8."""
    write_bytes(path, text.encode())


def read_table(path: Path, *, what: str = "file") -> pl.DataFrame:
    """A table by its file's ending: Parquet, else CSV with every column as text.

    Args:
        path: the file.
        what: what it is called in messages.

    Raises:
        SourceError: it is missing or no table.
    """
    import polars as pl

    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
    except FileNotFoundError:
        raise SourceError(f"there is no such {what}", where=path) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"cannot be read as a table ({' '.join(str(error).split())[:200]})", where=path) from error
