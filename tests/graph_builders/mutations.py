"""Ways in which a text file breaks on its way from a provider: each a function of its bytes and a seeded generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.graph_builders.base_files import Base, Kind

Outcome = Literal["refused", "same", "same graph", "counted", "either"]
SPOILT = 4
"""Rows that a mutation of single rows spoils."""


@dataclass(frozen=True)
class Broken:
    """A broken file.

    Args:
        data: its bytes.
        outcome: `refused` is an error, `same` reads as the whole file does, `same graph` gives its graph
            though rows are rejected or merged, `counted` rejects `lost` rows more than
            the whole file, `either` is an error or a reading that accounts for every row.
        line: the line that the error must name.
        lost: rows to be rejected.
    """

    data: bytes
    outcome: Outcome
    line: int | None = None
    lost: int = 0


Mutation = Callable[[bytes, Base, Random], Broken]
_TEXTS: tuple[Kind, ...] = ("table", "rows", "sets", "obo")
_ROWS: tuple[Kind, ...] = ("table", "rows", "sets")
ALL: dict[str, tuple[tuple[Kind, ...], Mutation]] = {}


def mutation(name: str, *kinds: Kind) -> Callable[[Mutation], Mutation]:
    """Register a mutation for files of some kinds."""

    def register(function: Mutation) -> Mutation:
        ALL[name] = (kinds, function)
        return function

    return register


def mutations_of(base: Base) -> list[str]:
    """The mutations that apply to a file."""
    return [name for name, (kinds, _) in ALL.items() if base.kind in kinds and _applies(name, base)]


def broken(name: str, content: bytes, base: Base) -> Broken:
    """The file broken in one way; the same each time."""
    return ALL[name][1](content, base, Random(f"{name} {base.id}"))


def _applies(name: str, base: Base) -> bool:
    if name.startswith("number "):
        return bool(base.numbers)
    if name.startswith("quote "):
        return base.quoted
    if name.startswith("gaf "):
        return base.source == "GOA"
    return True


def _lines(content: bytes) -> list[bytes]:
    return content.removesuffix(b"\n").split(b"\n")


def _text(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _first(lines: list[bytes], base: Base) -> int:
    """Position of the first line that is neither header nor comment."""
    if base.kind == "table":
        return 1
    return next(position for position, line in enumerate(lines) if not line.startswith(b"!"))


def _refuse(name: str, *kinds: Kind) -> Callable[[Callable[[bytes], bytes]], None]:
    """Register a change of all bytes that must be refused."""

    def register(change: Callable[[bytes], bytes]) -> None:
        mutation(name, *kinds)(lambda content, base, rng: Broken(change(content), "refused"))

    return register


def _keep(name: str, *kinds: Kind) -> Callable[[Callable[[bytes, Random], bytes]], None]:
    """Register a change of all bytes that must make no difference."""

    def register(change: Callable[[bytes, Random], bytes]) -> None:
        mutation(name, *kinds)(lambda content, base, rng: Broken(change(content, rng), "same"))

    return register


def _spoil(name: str, *kinds: Kind) -> Callable[[Callable[[bytes, Base], bytes]], None]:
    """Register a change of single rows that must be rejected, each with its line."""

    def register(change: Callable[[bytes, Base], bytes]) -> None:
        def apply(content: bytes, base: Base, rng: Random) -> Broken:
            lines = _lines(content)
            candidates = [number for number in range(_first(lines, base), len(lines)) if lines[number].strip()]
            chosen = sorted(rng.sample(candidates, min(SPOILT, len(candidates) - 1)))
            for position in chosen:
                lines[position] = change(lines[position], base)
            if base.strict:
                return Broken(_text(lines), "refused", line=chosen[0] + 1)
            return Broken(_text(lines), "counted", lost=len(chosen))

        mutation(name, *kinds)(apply)

    return register


def _columns(content: bytes, base: Base) -> tuple[list[bytes], list[list[bytes]]]:
    separator = base.separator.encode()
    lines = _lines(content)
    return lines[0].split(separator), [line.split(separator) for line in lines[1:]]


def _joined(header: list[bytes], rows: list[list[bytes]], base: Base) -> bytes:
    separator = base.separator.encode()
    return _text([separator.join(header), *(separator.join(row) for row in rows)])


# Whole files.

_refuse("nothing at all", *_TEXTS, "json")(lambda content: b"")
_refuse("one space", *_TEXTS, "json")(lambda content: b" ")
_refuse("only blank lines", *_TEXTS, "json")(lambda content: b"\n \n\t\n" * 50)
_refuse("only a byte-order mark", *_TEXTS, "json")(lambda content: b"\xef\xbb\xbf")
_refuse("only its first byte", *_TEXTS, "json")(lambda content: content[:1])
_refuse("only header and comments", "table")(lambda content: content.split(b"\n")[0] + b"\n")
_refuse("only comments", "rows")(lambda content: b"!gaf-version: 2.2\n!generated-by: GOC\n")
_refuse("only header stanza", "obo")(lambda content: content.split(b"\n\n")[0] + b"\n")
_refuse("UTF-16", *_TEXTS, "json")(lambda content: content.decode().encode("utf-16"))
_refuse("UTF-16 without mark", *_TEXTS)(lambda content: content.decode().encode("utf-16-be"))
_refuse("UTF-32", *_TEXTS, "json")(lambda content: content.decode().encode("utf-32"))
_refuse("EBCDIC", *_TEXTS, "json")(lambda content: content.decode("ascii", "replace").encode("cp037", "replace"))
_refuse("ROT128", *_TEXTS, "json")(lambda content: bytes(byte ^ 0x80 for byte in content))
_refuse("random bytes", *_TEXTS, "json")(lambda content: Random(1).randbytes(20_000))
_refuse("random letters", *_TEXTS, "json")(lambda content: bytes(Random(2).choices(b"abcde fgh\t,\n", k=20_000)))
_refuse("zeros of its length", *_TEXTS, "json")(lambda content: bytes(len(content)))
_refuse("zeros from half on", *_TEXTS)(lambda content: content[: len(content) // 2].ljust(len(content), b"\0"))
_refuse("an HTML error page", *_TEXTS, "json")(
    lambda content: b"<!DOCTYPE html>\n<html>\n<head><title>503 Service Unavailable</title></head>\n<body>\n</html>\n"
)
_refuse("a JSON error", *_TEXTS, "json")(lambda content: b'{\n  "error": "rate limit exceeded",\n  "status": 429\n}\n')
_refuse("an XML error", *_TEXTS, "json")(lambda content: b'<?xml version="1.0"?>\n<Error>NoSuchKey</Error>')
_refuse("a pointer of Git LFS", *_TEXTS, "json")(
    lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
)
_refuse("a shell transcript", *_TEXTS, "json")(lambda content: b"curl: (6) Could not resolve host: example.org\n")
_refuse("one JSON document", *_ROWS, "obo")(lambda content: json.dumps(content.decode().split("\n")[:50]).encode())
_refuse("lower case throughout", "rows", "obo")(lambda content: content.lower())
_refuse("without any separator", "table", "rows", "sets")(
    lambda content: content.replace(b"\t", b"").replace(b" ", b"").replace(b",", b"")
)
_refuse("semicolons between fields", "table", "rows", "sets")(
    lambda content: content.replace(b"\t", b";").replace(b" ", b";").replace(b",", b";")
)
_refuse("lines joined by spaces", "table", "rows", "obo")(lambda content: content.replace(b"\n", b" "))

# What an honest file may have.

_keep("byte-order mark", *_TEXTS)(lambda content, rng: b"\xef\xbb\xbf" + content)
_keep("line ends of Windows", *_TEXTS)(lambda content, rng: content.replace(b"\n", b"\r\n"))
_keep("line ends of old Macs", *_TEXTS)(lambda content, rng: content.replace(b"\n", b"\r"))
_keep("no last line end", *_TEXTS)(lambda content, rng: content.rstrip(b"\n"))
_keep("many last line ends", *_TEXTS)(lambda content, rng: content + b"\n" * 100)
_keep("blank lines first", "table", "sets", "rows", "obo")(lambda content, rng: b"\n\n  \n" + content)


@_keep("mixed line ends", *_TEXTS)
def _(content: bytes, rng: Random) -> bytes:
    return b"".join(line + rng.choice((b"\n", b"\r\n", b"\r")) for line in _lines(content))


@_keep("blank lines between", *_TEXTS)
def _(content: bytes, rng: Random) -> bytes:
    return b"".join(line + rng.choice((b"\n", b"\n", b"\n\n", b"\n \t\n")) for line in _lines(content))


# Cut off.


def _cut(share: float) -> Mutation:
    return lambda content, base, rng: Broken(content[: int(len(content) * share)], "either")


for _share in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999):
    mutation(f"cut off at {_share:.1%}", *_TEXTS)(_cut(_share))


@mutation("cut off within a character", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    return Broken(_text(lines) + "é".encode()[:1], "refused", line=len(lines) + 1)


@mutation("first half missing", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content[len(content) // 2 :], "refused" if base.kind in ("table", "obo") else "either")


@mutation("a hole of 500 bytes", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    start = rng.randrange(len(content) // 4, len(content) // 2)
    return Broken(content[:start] + content[start + 500 :], "either")


@mutation("2,000 random bytes changed", *_TEXTS, "json")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    data = bytearray(content)
    for _ in range(2000):
        data[rng.randrange(len(data))] = rng.randrange(128, 256)
    return Broken(bytes(data), "refused")


@mutation("200 characters changed", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    data = bytearray(content)
    first = content.index(b"\n")
    for _ in range(min(200, len(data) // 50)):
        data[rng.randrange(first, len(data))] = rng.choice(b'abcXYZ019 \t,"|:\n')
    return Broken(bytes(data), "either")


# Bytes that are no text, on one line.


def _byte(value: bytes) -> Mutation:
    def apply(content: bytes, base: Base, rng: Random) -> Broken:
        lines = _lines(content)
        chosen = rng.randrange(len(lines) // 2, len(lines))
        lines[chosen] += value
        return Broken(_text(lines), "refused", line=chosen + 1)

    return apply


for _name, _value in {
    "a byte of Latin-1": b"\xe9",
    "a NUL byte": b"\0",
    "a surrogate": b"\xed\xa0\x80",
    "an overlong character": b"\xc0\xaf",
    "a byte that UTF-8 never has": b"\xff",
}.items():
    mutation(_name, *_TEXTS)(_byte(_value))


@mutation("a NUL byte after line ends of old Macs", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    chosen = rng.randrange(len(lines) // 2, len(lines))
    lines[chosen] += b"\0"
    return Broken(b"\r".join(lines), "refused", line=chosen + 1)


# Columns.


@mutation("a wanted column missing", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    out = _wanted(header, base)[0]
    header, *rows = (row[:out] + row[out + 1 :] for row in (header, *rows))
    return Broken(_joined(header, rows, base), "refused", line=1)


@mutation("a wanted column renamed", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    header[_wanted(header, base)[-1]] += b"_v2"
    return Broken(_joined(header, rows, base), "refused", line=1)


@mutation("a wanted column named twice", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    again = header[_wanted(header, base)[0]]
    return Broken(_joined([*header, again.lstrip(b"#")], [[*row, b"1"] for row in rows], base), "refused", line=1)


@mutation("no header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content.split(b"\n", 1)[1], "refused", line=1)


@mutation("an upper-case header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    return Broken(_joined([name.upper() + b"S" for name in header], rows, base), "refused", line=1)


@mutation("2,000 columns more", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    more = [f"more_{number}".encode() for number in range(2000)]
    return Broken(_joined(header + more, rows, base), "refused", line=1)


@mutation("a header without rows of its width", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    return Broken(_joined([*header, b"more"], rows, base), "refused")


@mutation("a column more", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    return Broken(_joined([*header, b"added"], [[*row, b"7"] for row in rows], base), "same")


@mutation("the last column first", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    separator = base.separator.encode()
    if b'"' in content:  # Quoted fields may hold separators.
        return Broken(_text(lines), "same")
    moved = [separator.join([(cells := line.split(separator))[-1], *cells[:-1]]) for line in lines]
    moved[0] = moved[0].replace(b"#", b"")
    return Broken(_text(moved), "same")


@mutation("two columns exchanged below the header", "table")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    header, rows = _columns(content, base)
    low, high = sorted(_wanted(header, base)[:2])
    for row in rows:
        row[low], row[high] = row[high], row[low]
    return Broken(_joined(header, rows, base), "either")


def _wanted(header: list[bytes], base: Base) -> list[int]:
    """Positions of the columns that the source needs."""
    from graph_builders import collectri, hgnc, perturbqa, string

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


# Single rows.

_spoil("rows without separators", *_ROWS)(lambda line, base: line.replace(base.separator.encode(), b""))
_spoil("rows cut in two fields", "table", "sets")(
    lambda line, base: base.separator.encode().join(line.split(base.separator.encode())[:1])
)
_spoil("rows with a field more", "table")(lambda line, base: line + base.separator.encode() + b"7")
_spoil("rows of 100,000 separators", "table", "rows")(lambda line, base: base.separator.encode() * 100_000 + b"x")
_spoil("rows of one letter", *_ROWS)(lambda line, base: b"x")
_spoil("rows of a foreign script", *_ROWS)(lambda line, base: "行は壊れている".encode())
_spoil("quote never closed", "table")(lambda line, base: b'"' + line)
_spoil("gaf of 3 columns", "rows")(lambda line, base: b"\t".join(line.split(b"\t")[:3]))
_spoil("gaf of 18 columns", "rows")(lambda line, base: line + b"\t\t\t\tx")
_spoil("gaf with an unknown aspect", "rows")(lambda line, base: _cell(line, 8, b"X"))
_spoil("gaf with a malformed term", "rows")(lambda line, base: _cell(line, 4, b"GO:123"))
_spoil("gaf with a term of no ontology", "rows")(lambda line, base: _cell(line, 4, b"GO:9999999"))
_spoil("gaf with a number for evidence", "rows")(lambda line, base: _cell(line, 6, b"0.5"))
_spoil("gaf with a malformed taxon", "rows")(lambda line, base: _cell(line, 12, b"9606"))


def _cell(line: bytes, position: int, value: bytes, separator: bytes = b"\t") -> bytes:
    cells = line.split(separator)
    cells[position] = value
    return separator.join(cells)


def _number(value: bytes) -> Mutation:
    def apply(content: bytes, base: Base, rng: Random) -> Broken:
        lines = _lines(content)
        separator = base.separator.encode()
        column = lines[0].decode().lstrip("#").split(base.separator).index(base.numbers[0])
        candidates = [number for number in range(1, len(lines)) if b'"' not in lines[number]]
        chosen = sorted(rng.sample(candidates, min(SPOILT, len(candidates) - 1)))
        for position in chosen:
            lines[position] = _cell(lines[position], column, value, separator)
        if base.strict:
            return Broken(_text(lines), "refused", line=chosen[0] + 1)
        return Broken(_text(lines), "counted", lost=len(chosen))

    return apply


for _name, _value in {
    "a word": b"high", "empty": b"", "NaN": b"NaN", "null": b"null", "beyond floats": b"1e400", "infinite": b"-inf",
    "with a thousands separator": b"1.000.000",
    "in Arabic digits": "\u0667\u0660\u0660".encode(), "hexadecimal": b"0x1F",
    "of 400 digits": b"9" * 400, "true": b"true", "a date": b"2-Mar", "an error of a spreadsheet": b"#REF!",
    "with a minus sign of typography": "\u2212".encode() + b"1",
}.items():  # fmt: skip
    mutation(f"number {_name}", "table")(_number(_value))


def _outside(value: bytes) -> Mutation:
    def apply(content: bytes, base: Base, rng: Random) -> Broken:
        result = _number(value)(content, base, rng)
        # CollecTRI's weight counts by its sign only.
        return Broken(result.data, "either") if base.source == "CollecTRI" else result

    return apply


for _name, _value in {"negative": b"-700", "above the range": b"1001", "a fraction": b"0.5", "two": b"2000"}.items():
    mutation(f"number {_name}", "table")(_outside(_value))


# Whole rows.


@mutation("every row twice", *_ROWS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    first = _first(lines, base)
    return Broken(_text(lines[:first] + [line for line in lines[first:] for _ in range(2)]), "same graph")


@mutation("the file twice", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content + content, "refused" if base.strict else "either")


@mutation("rows in another order", "table", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    first = _first(lines, base)
    rows = lines[first:]
    rng.shuffle(rows)
    return Broken(_text(lines[:first] + rows), "same graph")


@mutation("one row of a million letters", *_ROWS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    chosen = len(lines) // 2
    lines[chosen] = b"x" * 1_000_000
    return Broken(_text(lines), "refused", chosen + 1) if base.strict else Broken(_text(lines), "counted", lost=1)


@mutation("control and invisible characters", *_TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    signs = ["\x01", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u200b", "\u2028", "\u202e", "\ufeff", "\U0010ffff"]
    for position in range(_first(lines, base), len(lines), 7):
        middle = len(lines[position]) // 2
        text = lines[position].decode()
        lines[position] = (text[:middle] + rng.choice(signs) + text[middle:]).encode()
    return Broken(_text(lines), "either")


@mutation("padded fields", "table", "rows", "sets")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    if base.separator == " ":
        return Broken(content.replace(b"\n", b" \n"), "either")
    return Broken(content.replace(base.separator.encode(), b" " + base.separator.encode() + b"  "), "either")


@mutation("gaf of other species only", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content.replace(b"taxon:9606", b"taxon:10090"), "refused")


@mutation("gaf of NOT only", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    changed = [line if line.startswith(b"!") else _cell(line, 3, b"NOT|involved_in") for line in lines]
    return Broken(_text(changed), "refused")


@mutation("gaf of unknown genes only", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = _lines(content)
    changed = [line if line.startswith(b"!") else _cell(_cell(line, 2, b"Nogene"), 1, b"0") for line in lines]
    return Broken(_text(changed), "refused")


@mutation("members of unknown genes only", "sets")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = [b"\t".join([*line.split(b"\t")[:2], b"99999999", b"NOGENE"]) for line in _lines(content)]
    return Broken(_text(lines), "refused")
