"""Mutations of complete files: truncation, foreign bytes, other line ends, other columns."""

from __future__ import annotations

import json
from random import Random

from tests.support.source_files.base_files import Base
from tests.support.source_files.mutations import (
    ROWS,
    TEXTS,
    Broken,
    Mutation,
    columns_of,
    joined,
    lines_of,
    mutation,
    refused_when,
    same_when,
    text_of,
)

# Complete files.

refused_when("nothing at all", *TEXTS, "json")(lambda content: b"")
refused_when("one space", *TEXTS, "json")(lambda content: b" ")
refused_when("only blank lines", *TEXTS, "json")(lambda content: b"\n \n\t\n" * 50)
refused_when("only a byte-order mark", *TEXTS, "json")(lambda content: b"\xef\xbb\xbf")
refused_when("only its first byte", *TEXTS, "json")(lambda content: content[:1])
refused_when("only header and comments", "table")(lambda content: content.split(b"\n")[0] + b"\n")
refused_when("only comments", "rows")(lambda content: b"!gaf-version: 2.2\n!generated-by: GOC\n")
refused_when("only header stanza", "obo")(lambda content: content.split(b"\n\n")[0] + b"\n")
refused_when("UTF-16", *TEXTS, "json")(lambda content: content.decode().encode("utf-16"))
refused_when("UTF-16 without mark", *TEXTS)(lambda content: content.decode().encode("utf-16-be"))
refused_when("UTF-32", *TEXTS, "json")(lambda content: content.decode().encode("utf-32"))
refused_when("EBCDIC", *TEXTS, "json")(lambda content: content.decode("ascii", "replace").encode("cp037", "replace"))
refused_when("ROT128", *TEXTS, "json")(lambda content: bytes(byte ^ 0x80 for byte in content))
refused_when("random bytes", *TEXTS, "json")(lambda content: Random(1).randbytes(20_000))
refused_when("random letters", *TEXTS, "json")(lambda content: bytes(Random(2).choices(b"abcde fgh\t,\n", k=20_000)))
refused_when("zeros of its length", *TEXTS, "json")(lambda content: bytes(len(content)))
refused_when("zeros from half on", *TEXTS)(lambda content: content[: len(content) // 2].ljust(len(content), b"\0"))
refused_when("an HTML error page", *TEXTS, "json")(
    lambda content: b"<!DOCTYPE html>\n<html>\n<head><title>503 Service Unavailable</title></head>\n<body>\n</html>\n"
)
refused_when("a JSON error", *TEXTS, "json")(
    lambda content: b'{\n  "error": "rate limit exceeded",\n  "status": 429\n}\n'
)
refused_when("an XML error", *TEXTS, "json")(lambda content: b'<?xml version="1.0"?>\n<Error>NoSuchKey</Error>')
refused_when("a pointer of Git LFS", *TEXTS, "json")(
    lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
)
refused_when("a shell transcript", *TEXTS, "json")(lambda content: b"curl: (6) Could not resolve host: example.org\n")
refused_when("one JSON document", *ROWS, "obo")(lambda content: json.dumps(content.decode().split("\n")[:50]).encode())
refused_when("lower case throughout", "rows", "obo")(lambda content: content.lower())
refused_when("without any separator", "table", "rows", "sets")(
    lambda content: content.replace(b"\t", b"").replace(b" ", b"").replace(b",", b"")
)
refused_when("semicolons between fields", "table", "rows", "sets")(
    lambda content: content.replace(b"\t", b";").replace(b" ", b";").replace(b",", b";")
)
refused_when("lines joined by spaces", "table", "rows", "obo")(lambda content: content.replace(b"\n", b" "))

# Variants that a valid file may have.

same_when("byte-order mark", *TEXTS)(lambda content, rng: b"\xef\xbb\xbf" + content)
same_when("line ends of Windows", *TEXTS)(lambda content, rng: content.replace(b"\n", b"\r\n"))
same_when("line ends of old Macs", *TEXTS)(lambda content, rng: content.replace(b"\n", b"\r"))
same_when("no last line end", *TEXTS)(lambda content, rng: content.rstrip(b"\n"))
same_when("many last line ends", *TEXTS)(lambda content, rng: content + b"\n" * 100)
same_when("blank lines first", "table", "sets", "rows", "obo")(lambda content, rng: b"\n\n  \n" + content)


@same_when("mixed line ends", *TEXTS)
def _(content: bytes, rng: Random) -> bytes:
    return b"".join(line + rng.choice((b"\n", b"\r\n", b"\r")) for line in lines_of(content))


@same_when("blank lines between", *TEXTS)
def _(content: bytes, rng: Random) -> bytes:
    return b"".join(line + rng.choice((b"\n", b"\n", b"\n\n", b"\n \t\n")) for line in lines_of(content))


# Cut off.


def _cut(share: float) -> Mutation:
    return lambda content, base, rng: Broken(content[: int(len(content) * share)], "either")


for _share in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999):
    mutation(f"cut off at {_share:.1%}", *TEXTS)(_cut(_share))


@mutation("cut off within a character", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    return Broken(text_of(lines) + "é".encode()[:1], "refused", line=len(lines) + 1)


@mutation("first half missing", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content[len(content) // 2 :], "refused" if base.kind in ("table", "obo") else "either")


@mutation("a hole of 500 bytes", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    start = rng.randrange(len(content) // 4, len(content) // 2)
    return Broken(content[:start] + content[start + 500 :], "either")


@mutation("2,000 random bytes changed", *TEXTS, "json")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    data = bytearray(content)
    for _ in range(2000):
        data[rng.randrange(len(data))] = rng.randrange(128, 256)
    return Broken(bytes(data), "refused")


@mutation("200 characters changed", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    data = bytearray(content)
    first = content.index(b"\n")
    for _ in range(min(200, len(data) // 50)):
        data[rng.randrange(first, len(data))] = rng.choice(b'abcXYZ019 \t,"|:\n')
    return Broken(bytes(data), "either")


# Bytes that are no text, on one line.


def _byte(value: bytes) -> Mutation:
    def apply(content: bytes, base: Base, rng: Random) -> Broken:
        lines = lines_of(content)
        chosen = rng.randrange(len(lines) // 2, len(lines))
        lines[chosen] += value
        return Broken(text_of(lines), "refused", line=chosen + 1)

    return apply


for _name, _value in {
    "a byte of Latin-1": b"\xe9",
    "a NUL byte": b"\0",
    "a surrogate": b"\xed\xa0\x80",
    "an overlong character": b"\xc0\xaf",
    "a byte that UTF-8 never has": b"\xff",
}.items():
    mutation(_name, *TEXTS)(_byte(_value))


@mutation("a NUL byte after line ends of old Macs", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    chosen = rng.randrange(len(lines) // 2, len(lines))
    lines[chosen] += b"\0"
    return Broken(b"\r".join(lines), "refused", line=chosen + 1)


# Columns.


@mutation("a wanted column missing", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    out = _wanted(header, base)[0]
    header, *rows = (row[:out] + row[out + 1 :] for row in (header, *rows))
    return Broken(joined(header, rows, base), "refused", line=1)


@mutation("a wanted column renamed", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    header[_wanted(header, base)[-1]] += b"_v2"
    return Broken(joined(header, rows, base), "refused", line=1)


@mutation("a wanted column named twice", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    again = header[_wanted(header, base)[0]]
    return Broken(joined([*header, again.lstrip(b"#")], [[*row, b"1"] for row in rows], base), "refused", line=1)


@mutation("no header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content.split(b"\n", 1)[1], "refused", line=1)


@mutation("an upper-case header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    return Broken(joined([name.upper() + b"S" for name in header], rows, base), "refused", line=1)


@mutation("2,000 columns more", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    more = [f"more_{number}".encode() for number in range(2000)]
    return Broken(joined(header + more, rows, base), "refused", line=1)


@mutation("a header without rows of its width", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    return Broken(joined([*header, b"more"], rows, base), "refused")


@mutation("a column more", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    return Broken(joined([*header, b"added"], [[*row, b"7"] for row in rows], base), "same")


@mutation("the last column first", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    separator = base.separator.encode()
    if b'"' in content:  # Quoted fields may hold separators.
        return Broken(text_of(lines), "same")
    moved = [separator.join([(cells := line.split(separator))[-1], *cells[:-1]]) for line in lines]
    moved[0] = moved[0].replace(b"#", b"")
    return Broken(text_of(moved), "same")


@mutation("two columns exchanged below the header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = columns_of(content, base)
    low, high = sorted(_wanted(header, base)[:2])
    for row in rows:
        row[low], row[high] = row[high], row[low]
    return Broken(joined(header, rows, base), "either")


def _wanted(header: list[bytes], base: Base) -> list[int]:
    """Positions of the columns that the source needs."""
    from rbio_kg.graph_builders.sources import collectri, hgnc, perturbqa
    from rbio_kg.graph_builders.sources.string import links as string

    layout = {
        ("HGNC", "genes"): hgnc.LAYOUT,
        ("STRING", "info"): string.INFO,
        ("STRING", "links"): string.LINKS,
        ("CollecTRI", "regulation"): collectri.LAYOUT,
        ("PerturbQA", "de"): perturbqa.LAYOUT,
        ("PerturbQA", "dir"): perturbqa.LAYOUT,
    }[base.source, base.role]
    names = [name.decode().lstrip("#") for name in header]
    return [names.index(column) for column in layout.columns]
