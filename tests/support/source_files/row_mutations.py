"""Rows that break: other fields, cells that are no numbers, rows twice, out of order or missing."""

from __future__ import annotations

from random import Random

from tests.support.source_files.base_files import Base
from tests.support.source_files.mutations import (
    ROWS,
    SPOILT,
    TEXTS,
    Broken,
    Mutation,
    first_row,
    lines_of,
    mutation,
    rejected_when,
    text_of,
)

# Single rows.

rejected_when("rows without separators", *ROWS)(lambda line, base: line.replace(base.separator.encode(), b""))
rejected_when("rows cut in two fields", "table", "sets")(
    lambda line, base: base.separator.encode().join(line.split(base.separator.encode())[:1])
)
rejected_when("rows with a field more", "table")(lambda line, base: line + base.separator.encode() + b"7")
rejected_when("rows of 100,000 separators", "table", "rows")(
    lambda line, base: base.separator.encode() * 100_000 + b"x"
)
rejected_when("rows of one letter", *ROWS)(lambda line, base: b"x")
rejected_when("rows of a foreign script", *ROWS)(lambda line, base: "行は壊れている".encode())
rejected_when("quote never closed", "table")(lambda line, base: b'"' + line)
rejected_when("gaf of 3 columns", "rows")(lambda line, base: b"\t".join(line.split(b"\t")[:3]))
rejected_when("gaf of 18 columns", "rows")(lambda line, base: line + b"\t\t\t\tx")
rejected_when("gaf with an unknown aspect", "rows")(lambda line, base: _cell(line, 8, b"X"))
rejected_when("gaf with a malformed term", "rows")(lambda line, base: _cell(line, 4, b"GO:123"))
rejected_when("gaf with a term of no ontology", "rows")(lambda line, base: _cell(line, 4, b"GO:9999999"))
rejected_when("gaf with a number for evidence", "rows")(lambda line, base: _cell(line, 6, b"0.5"))
rejected_when("gaf with a malformed taxon", "rows")(lambda line, base: _cell(line, 12, b"9606"))


def _cell(line: bytes, position: int, value: bytes, separator: bytes = b"\t") -> bytes:
    cells = line.split(separator)
    cells[position] = value
    return separator.join(cells)


def _number(value: bytes) -> Mutation:
    def apply(content: bytes, base: Base, rng: Random) -> Broken:
        lines = lines_of(content)
        separator = base.separator.encode()
        column = lines[0].decode().lstrip("#").split(base.separator).index(base.numbers[0])
        candidates = [number for number in range(1, len(lines)) if b'"' not in lines[number]]
        chosen = sorted(rng.sample(candidates, min(SPOILT, len(candidates) - 1)))
        for position in chosen:
            lines[position] = _cell(lines[position], column, value, separator)
        if base.strict:
            return Broken(text_of(lines), "refused", line=chosen[0] + 1)
        return Broken(text_of(lines), "counted", lost=len(chosen))

    return apply


for _name, _value in {
    "a word": b"high", "empty": b"", "NaN": b"NaN", "null": b"null", "above floats": b"1e400", "infinite": b"-inf",
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


# Complete rows.


@mutation("every row twice", *ROWS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    first = first_row(lines, base)
    return Broken(text_of(lines[:first] + [line for line in lines[first:] for _ in range(2)]), "same graph")


@mutation("the file twice", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content + content, "refused" if base.strict else "either")


@mutation("rows in another order", "table", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    first = first_row(lines, base)
    rows = lines[first:]
    rng.shuffle(rows)
    return Broken(text_of(lines[:first] + rows), "same graph")


@mutation("one row of a million letters", *ROWS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    chosen = len(lines) // 2
    lines[chosen] = b"x" * 1_000_000
    return Broken(text_of(lines), "refused", chosen + 1) if base.strict else Broken(text_of(lines), "counted", lost=1)


@mutation("control and invisible characters", *TEXTS)
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    signs = ["\x01", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u200b", "\u2028", "\u202e", "\ufeff", "\U0010ffff"]
    for position in range(first_row(lines, base), len(lines), 7):
        middle = len(lines[position]) // 2
        text = lines[position].decode()
        lines[position] = (text[:middle] + rng.choice(signs) + text[middle:]).encode()
    return Broken(text_of(lines), "either")


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
    lines = lines_of(content)
    changed = [line if line.startswith(b"!") else _cell(line, 3, b"NOT|involved_in") for line in lines]
    return Broken(text_of(changed), "refused")


@mutation("gaf of unknown genes only", "rows")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = lines_of(content)
    changed = [line if line.startswith(b"!") else _cell(_cell(line, 2, b"Nogene"), 1, b"0") for line in lines]
    return Broken(text_of(changed), "refused")


@mutation("members of unknown genes only", "sets")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    lines = [b"\t".join([*line.split(b"\t")[:2], b"99999999", b"NOGENE"]) for line in lines_of(content)]
    return Broken(text_of(lines), "refused")
