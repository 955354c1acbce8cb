"""Broken variants of providers' files: a clear error or counted rejections, never an empty graph without an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import RELATIONSHIPS
from rbio_kg.graph.schema.tables import SORT_KEYS, TABLE_SCHEMAS
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from tests.support.source_files import (
    file_mutations,  # noqa: F401
    ontology_mutations,  # noqa: F401
    row_mutations,  # noqa: F401
)
from tests.support.source_files.base_files import MADE, REAL, SAMPLE, Base, contents, read
from tests.support.source_files.mutations import Broken, broken, mutations_of
from tests.support.source_files.packings import REFUSED, SAME

Whole = Callable[[Base, Path | None], Path]
"""The folder with the complete files of a base's origin."""
CASES = [
    pytest.param(base, name, id=f"{base.id} {name}", marks=[pytest.mark.real] if base.origin == "real" else [])
    for base in (*SAMPLE, *MADE, *REAL)
    for name in mutations_of(base)
]
MAIN = {
    "HGNC": "genes",
    "GO": "terms",
    "GOA": "annotations",
    "STRING": "interactions",
    "Reactome": "memberships",
    "WikiPathways": "memberships",
    "CollecTRI": "regulations",
    "PerturbQA": "questions",
}
"""The table that each source must fill."""


@pytest.fixture(scope="session")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    @cache
    def written(origin: str, shared: Path | None) -> Path:
        folder = tmp_path_factory.mktemp(origin)
        for name, content in contents(origin, shared).items():  # type: ignore[arg-type]
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return lambda base, shared: written(base.origin, shared)


@cache
def reading_of_the_whole(base: Base, whole: Path, shared: Path | None) -> ParsedSource:
    parsed = read(base, whole / base.name, whole, shared)
    check_accounts(parsed, base)
    return parsed


def check_error(error: SourceError, path: Path, line: int | None) -> None:
    text = str(error)
    assert str(path) in text
    assert error.hint, text
    if line is not None:
        assert error.line == line, text


def lines_of(path: Path, base: Base) -> int | None:
    """Rows of a plain file, counted the slow way; None for a packed one."""
    if path.read_bytes().startswith((b"\x1f\x8b", b"PK")):
        return None
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    comment = "!" if base.source == "GOA" else None
    rows = [line for line in text.split("\n") if line.strip() and not (comment and line.startswith(comment))]
    return len(rows) - (base.kind == "table")


def check_accounts(parsed: ParsedSource, base: Base) -> None:
    """What the frames hold is what the counts say, and the frames are fit for the graph."""
    frames, heights = parsed.frames, {name: frame.height for name, frame in parsed.frames.items()}
    assert heights[MAIN[base.source]] > 0
    notes = parsed.notes
    merged = notes.get("duplicate rows merged", 0) + notes.get("other orientation merged", 0)
    kept = {
        "HGNC": lambda: heights["genes"],
        "GO": lambda: sum(heights.values()),
        "CollecTRI": lambda: heights["regulations"] + merged,
        "PerturbQA": lambda: heights["questions"] + merged,
    }.get(base.source)
    if kept is not None:
        assert parsed.rows == kept()
    derived = notes.get("memberships that follow from sub-pathways", 0)
    assert parsed.rows >= heights[MAIN[base.source]] + merged - derived
    for part in parsed.rejections:
        assert 0 <= part.count <= part.seen
        assert len(part.reasons) == min(part.count, 10)
    for name, frame in frames.items():
        assert dict(frame.select(list(TABLE_SCHEMAS[name])).schema) == TABLE_SCHEMAS[name]
        assert frame.select(SORT_KEYS[name]).null_count().sum_horizontal().item() == 0, name
    for relationship in RELATIONSHIPS:
        if (frame := frames.get(relationship.table)) is not None:
            assert frame.select("start", "end", *relationship.unique_by).is_unique().all(), relationship.type


def check(broken: Broken, path: Path, base: Base, whole: Path, shared: Path | None) -> None:
    path.write_bytes(broken.data)
    try:
        parsed = read(base, path, whole, shared)
    except SourceError as error:
        assert broken.outcome in ("refused", "either"), str(error)
        check_error(error, path, broken.line)
        return
    assert broken.outcome != "refused"
    check_accounts(parsed, base)
    clean = reading_of_the_whole(base, whole, shared)
    part = next(part for part in parsed.rejections if part.path == path)
    before = next(item for item in clean.rejections if item.path != path and item.path == whole / base.name)
    if base.kind in ("table", "rows") and (counted := lines_of(path, base)) is not None:
        assert part.seen == counted
    if broken.outcome == "same":
        assert part.count == before.count
        for name, frame in clean.frames.items():
            assert parsed.frames[name].equals(frame), name
    if broken.outcome == "same graph":
        for name, frame in clean.frames.items():
            keys = SORT_KEYS[name]
            assert parsed.frames[name].sort(keys).equals(frame.sort(keys)), name
    if broken.outcome == "counted":
        assert part.count >= before.count + broken.lost
        if base.kind != "obo":
            assert part.count == before.count + broken.lost


@pytest.mark.parametrize(("base", "name"), CASES)
def test_broken_text(
    base: Base,
    name: str,
    whole_files: Whole,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    shared = request.getfixturevalue("shared") if base.origin == "real" else None
    whole = whole_files(base, shared)
    content = contents(base.origin, shared)[base.name]
    check(broken(name, content, base), tmp_path / Path(base.name).name, base, whole, shared)


PACKED = [base for base in (*SAMPLE, *MADE) if base.role in ("genes", "links", "annotations") or base.kind == "sets"]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("base", PACKED, ids=lambda base: base.id)
def test_damaged_and_foreign_packings(base: Base, name: str, whole_files: Whole, tmp_path: Path) -> None:
    data = REFUSED[name](contents(base.origin)[base.name])
    check(Broken(data, "refused"), tmp_path / Path(base.name).name, base, whole_files(base, None), None)


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("base", PACKED, ids=lambda base: base.id)
def test_unusual_packings(base: Base, name: str, whole_files: Whole, tmp_path: Path) -> None:
    data = SAME[name](contents(base.origin)[base.name])
    check(Broken(data, "same"), tmp_path / Path(base.name).name, base, whole_files(base, None), None)


SWAPPED = [(base, other) for base in (*SAMPLE, *MADE) for other in (*SAMPLE, *MADE) if base != other]


@pytest.mark.parametrize(("base", "other"), SWAPPED, ids=[f"{other.id} as {base.id}" for base, other in SWAPPED])
def test_swapped_files(base: Base, other: Base, whole_files: Whole, tmp_path: Path) -> None:
    # Both files of questions are of one format, so are pathways of Reactome's names and hierarchy to each other's ids.
    alike = base.source == other.source == "PerturbQA" and "simulated" not in (base.role, other.role)
    data = contents(other.origin)[other.name]
    path = tmp_path / Path(base.name).name
    check(Broken(data, "either" if alike else "refused"), path, base, whole_files(base, None), None)
