"""A folder of `.npy` arrays with a header that has their names, sizes and hashes; opened memory-mapped.

The snapshot and fitted verifiers use this format. The header is written last, so an interrupted folder has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.digest import file_digest
from rbio_kg.core.errors import RbioKGError

HEADER = "header.json"
FORMAT_VERSION = 2


def write_folder(directory: Path, *, kind: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write every array and the header; the same content gives the same bytes.

    Args:
        directory: made if it is missing. The caller renames it when it is complete.
        kind: what the folder is, checked on opening.
        arrays: name to array; the file is `NAME.npy`.
        meta: plain JSON values, given back on opening.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / HEADER).unlink(missing_ok=True)
    files = {}
    for name, array in sorted(arrays.items()):
        path = directory / f"{name}.npy"
        np.save(path, np.ascontiguousarray(array), allow_pickle=False)
        files[name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    header = {"kind": kind, "version": FORMAT_VERSION, "meta": dict(meta), "files": files}
    write_text(directory / HEADER, json.dumps(header, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_folder(
    directory: Path, *, kind: str, error: type[RbioKGError], hint: str, verify: bool = True
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays (memory-mapped, read-only) and the meta of a folder.

    Args:
        directory: what `write_folder` wrote.
        kind: the kind it must be.
        error: what to raise when something is wrong.
        hint: what the user can do about it.
        verify: also compare the content's hash (else only the sizes).

    Raises:
        error: the folder is missing, of another kind or version, or a file is missing, cut short or changed.
    """
    path = directory / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        version, found = header["version"], header["kind"]
        meta, files = dict(header["meta"]), dict(header["files"])
    except FileNotFoundError:
        raise error(f"no {kind} here", where=directory, hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as cause:
        raise error(f"the header of the {kind} cannot be read ({cause})", where=path, hint=hint) from cause
    if found != kind or version != FORMAT_VERSION:
        raise error(f"{found} of version {version}, not {kind} of version {FORMAT_VERSION}", where=path, hint=hint)
    arrays = {}
    for name, entry in files.items():
        arrays[name] = _load(directory / f"{name}.npy", entry, error, hint, verify)
    return arrays, meta


def _load(path: Path, entry: Mapping[str, Any], error: type[RbioKGError], hint: str, verify: bool) -> NDArray[Any]:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise error(f"has {size} bytes, not {entry['bytes']}", where=path, hint=hint)
        if verify and file_digest(path) != entry["sha256"]:
            raise error("has been changed since it was written", where=path, hint=hint)
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise error(f"cannot be read ({cause})", where=path, hint=hint) from cause
    return array.view(np.ndarray)


class Strings(Sequence[str]):
    """Many strings in two arrays: their UTF-8 bytes end to end, and where each begins."""

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self._blob = blob
        self._offsets = offsets

    @overload
    def __getitem__(self, item: int) -> str: ...

    @overload
    def __getitem__(self, item: slice) -> list[str]: ...

    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[i] for i in range(*item.indices(len(self)))]
        position = range(len(self))[item]
        return self._blob[self._offsets[position] : self._offsets[position + 1]].tobytes().decode()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __iter__(self) -> Iterator[str]:
        blob, offsets = self._blob.tobytes(), self._offsets.tolist()
        return (blob[low:high].decode() for low, high in pairwise(offsets))


def pack_strings(values: Iterable[str | None]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The two arrays that `Strings` reads; a missing value becomes the empty string."""
    encoded = [(value or "").encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(item) for item in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets
