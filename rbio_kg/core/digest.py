"""SHA-256 digests of files and folders: by them, derived files name the data that they rest on."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """The SHA-256 digest of a file's content, 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(folder: Path, pattern: str = "*", *, without: str | None = None) -> str:
    """One SHA-256 digest of the files below a folder: of their relative names and contents.

    Args:
        folder: the folder.
        pattern: of the names of the files that count.
        without: the name of a file that does not count.

    Raises:
        OSError: one cannot be read.
    """
    files = sorted(path for path in folder.rglob(pattern) if path.is_file() and path.name != without)
    lines = [f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
