"""Ways in which a packed file is damaged, hostile or packed in something else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable

import polars as pl

Packing = Callable[[bytes], bytes]


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of names given twice.
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.comment = comment
            for name, data in members:
                item = zipfile.ZipInfo(name, (2024, 6, 7, 0, 0, 0))
                item.compress_type = method
                archive.writestr(item, data)
    return buffer.getvalue()


def _flip(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 0xFF
    return bytes(changed)


def _patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """`value` written at an offset from each record with that signature."""
    changed, start = bytearray(data), data.find(signature)
    while start >= 0:
        changed[start + offset : start + offset + len(value)] = value
        start = data.find(signature, start + 4)
    return bytes(changed)


_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _parquet(content: bytes) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"text": content.decode().split("\n")}).write_parquet(buffer)
    return buffer.getvalue()


def _tarred(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        item = tarfile.TarInfo("file.txt")
        item.size = len(content)
        archive.addfile(item, io.BytesIO(content))
    return buffer.getvalue()


def _sized(content: bytes, size: int) -> bytes:
    """A zip archive that states another size of its member."""
    stated = struct.pack("<I", size)
    return _patched(_patched(zipped(("file.txt", content)), _CENTRAL, 24, stated), _LOCAL, 22, stated)


REFUSED: dict[str, Packing] = {
    "gzip of nothing": lambda content: gzipped(b""),
    "gzip cut off in its magic": lambda content: gzipped(content)[:3],
    "gzip cut off in its header": lambda content: gzipped(content)[:9],
    "gzip cut off at 1 %": lambda content: (data := gzipped(content))[: len(data) // 100 + 12],
    "gzip cut off at half": lambda content: (data := gzipped(content))[: len(data) // 2],
    "gzip cut off at 90 %": lambda content: (data := gzipped(content))[: len(data) * 9 // 10],
    "gzip without its checksum": lambda content: gzipped(content)[:-8],
    "gzip without its last byte": lambda content: gzipped(content)[:-1],
    "gzip with a wrong checksum": lambda content: _flip(gzipped(content), -8),
    "gzip with a wrong size": lambda content: _flip(gzipped(content), -1),
    "gzip of an unknown method": lambda content: _flip(gzipped(content), 2),
    "gzip with every flag": lambda content: _flip(gzipped(content), 3),
    "gzip changed in the middle": lambda content: _flip(data := gzipped(content), len(data) // 2),
    "gzip changed at its start": lambda content: _flip(gzipped(content), 12),
    "gzip with a text behind": lambda content: gzipped(content) + b"<html>error</html>",
    "gzip with half of another behind": lambda content: (data := gzipped(content)) + data[: len(data) // 2],
    "gzip of gzip": lambda content: gzipped(gzipped(content)),
    "gzip of zip": lambda content: gzipped(zipped(("file.txt", content))),
    "gzip of tar": lambda content: gzipped(_tarred(content)),
    "zip of nothing": lambda content: zipped(("file.txt", b"")),
    "zip without members": lambda content: zipped(),
    "zip of folders only": lambda content: zipped(("a/", b""), ("a/b/", b"")),
    "zip of two files": lambda content: zipped(("a.txt", content), ("b.txt", content)),
    "zip of one name twice": lambda content: zipped(("a.txt", content), ("a.txt", content)),
    "zip of 5,000 files": lambda content: zipped(*((f"{number}.txt", b"x") for number in range(5000))),
    "zip of zip": lambda content: zipped(("file.zip", zipped(("file.txt", content)))),
    "zip by bzip2": lambda content: zipped(("file.txt", content), method=zipfile.ZIP_BZIP2),
    "zip by lzma": lambda content: zipped(("file.txt", content), method=zipfile.ZIP_LZMA),
    "zip encrypted": lambda content: _patched(
        _patched(zipped(("file.txt", content)), _LOCAL, 6, b"\1\0"), _CENTRAL, 8, b"\1\0"
    ),
    "zip strongly encrypted": lambda content: _patched(
        _patched(zipped(("file.txt", content)), _LOCAL, 6, b"\x41\0"), _CENTRAL, 8, b"\x41\0"
    ),
    "zip of an unknown method": lambda content: _patched(zipped(("file.txt", content)), _CENTRAL, 10, b"\x63\0"),
    "zip of a later version": lambda content: _patched(zipped(("file.txt", content)), _CENTRAL, 6, b"\xff\0"),
    "zip with a name that is no UTF-8": lambda content: _patched(
        _patched(zipped(("file.txt", content)), _CENTRAL, 46, b"\xff\xfe"), _CENTRAL, 8, b"\0\x08"
    ),
    "zip with an empty name": lambda content: _patched(zipped(("file.txt", content)), _CENTRAL, 28, b"\0\0"),
    "zip with two names": lambda content: _patched(zipped(("file.txt", content)), _LOCAL, 30, b"other"),
    "zip with a wrong checksum": lambda content: _patched(
        _patched(zipped(("file.txt", content)), _CENTRAL, 16, b"\1\2\3\4"), _LOCAL, 14, b"\1\2\3\4"
    ),
    "zip with its member behind its end": lambda content: _patched(
        zipped(("file.txt", content)), _CENTRAL, 42, b"\xff\xff\xff\x7f"
    ),
    "zip with its index behind its end": lambda content: _patched(
        zipped(("file.txt", content)), _END, 16, b"\xff\xff\xff\x7f"
    ),
    "zip with a huge index": lambda content: _patched(zipped(("file.txt", content)), _END, 12, b"\xff\xff\xff\x7f"),
    "zip with a huge extra field": lambda content: _patched(zipped(("file.txt", content)), _LOCAL, 28, b"\xff\xff"),
    "zip that states half its size": lambda content: _sized(content, len(content) // 2),
    "zip cut off at half": lambda content: (data := zipped(("file.txt", content)))[: len(data) // 2],
    "zip without its last byte": lambda content: zipped(("file.txt", content))[:-1],
    "zip without its index": lambda content: (data := zipped(("file.txt", content)))[: data.index(_CENTRAL)],
    "zip changed in the middle": lambda content: _flip(data := zipped(("file.txt", content)), len(data) // 2),
    "zip of zeros after its start": lambda content: _LOCAL.ljust(5000, b"\0"),
    "zip behind a script": lambda content: b"#!/bin/sh\n" + zipped(("file.txt", content)),
    "a spreadsheet": lambda content: zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "zstandard": lambda content: b"\x28\xb5\x2f\xfd" + content,
    "7-Zip": lambda content: b"7z\xbc\xaf\x27\x1c" + content,
    "compress": lambda content: b"\x1f\x9d\x90" + content,
    "zlib": zlib.compress,
    "tar": _tarred,
    "Parquet": _parquet,
    "PDF": lambda content: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "SQLite": lambda content: b"SQLite format 3\0" + bytes(100),
    "HDF5": lambda content: b"\x89HDF\r\n\x1a\n" + bytes(100),
    "pickle": lambda content: b"\x80\x04\x95" + bytes(100),
}
"""Damaged or foreign: never read."""

SAME: dict[str, Packing] = {
    "gzip": gzipped,
    "gzip in two members": lambda content: gzipped(content[:1000]) + gzipped(content[1000:]),
    "gzip with a name and a comment": lambda content: (
        (data := gzipped(content))[:3] + b"\x18" + data[4:10] + b"../../../etc/passwd\0remark\0" + data[10:]
    ),
    "gzip with zeros behind": lambda content: gzipped(content) + bytes(512),
    "gzip not compressed": lambda content: gzip.compress(content, 0, mtime=0),
    "zip": lambda content: zipped(("file.txt", content)),
    "zip not compressed": lambda content: zipped(("file.txt", content), method=zipfile.ZIP_STORED),
    "zip with a comment": lambda content: zipped(("file.txt", content), comment=b"a remark"),
    "zip of a folder with a file": lambda content: zipped(("data/", b""), ("data/file.txt", content)),
    "zip with a path out of its folder": lambda content: zipped(("../../../../tmp/escaped.txt", content)),
    "zip with an absolute path": lambda content: zipped(("/etc/passwd", content)),
    "zip with a name of a device": lambda content: zipped(("/dev/stdin", content)),
    "zip with what a Mac adds": lambda content: zipped(("file.txt", content), ("__MACOSX/._file.txt", b"\0\5\x16\7")),
}
"""Unusual, but whole: read as the plain file is."""
