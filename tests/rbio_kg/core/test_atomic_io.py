from __future__ import annotations

import gzip
import os
import stat
import subprocess
from pathlib import Path

import pytest

from rbio_kg.core import atomic_io
from rbio_kg.core.atomic_io import (
    atomic_file,
    atomic_folder,
    atomic_path,
    read_table,
    remove_leftovers,
    sync_folder,
    write_bytes,
    write_text,
)
from rbio_kg.core.errors import SourceError


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def fill(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "made" / "table.csv"
    with atomic_file(target) as stream:
        stream.write(b"half")
        assert not target.exists()
        stream.write(b" and half")
    assert contents(tmp_path) == {"made/table.csv": "half and half"}
    write_bytes(target, b"new")
    write_text(target.with_name("note"), "é")
    assert contents(tmp_path) == {"made/note": "é", "made/table.csv": "new"}


def test_after_an_error_the_old_file_is_there(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(target) as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), atomic_path(target) as path:
        path.write_text("new")
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), atomic_path(target):
        pass  # The writer wrote nothing.
    assert contents(tmp_path) == {"table.csv": "old"}


def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    target = tmp_path / "password"
    leftover = tmp_path / f".password.{os.getpid()}.tmp"
    leftover.write_text("of a killed process")
    leftover.chmod(0o644)
    with atomic_file(target, mode=0o600) as stream:
        stream.write(b"secret")
        assert stat.S_IMODE(leftover.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target = fill(tmp_path / "model", old="1")
    with atomic_folder(target) as folder:
        (folder / "new").write_text("2")
        assert contents(target) == {"old": "1"}
    assert contents(tmp_path) == {"model/new": "2"}


def test_after_an_error_the_old_folder_is_there(tmp_path: Path) -> None:
    target = fill(tmp_path / "model", old="1")
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as folder:
        (folder / "new").write_text("2")
        raise ZeroDivisionError
    assert contents(tmp_path) == {"model/old": "1"}


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = fill(tmp_path / "model", old="1")
    replace = Path.replace

    def fail(self: Path, other: Path) -> Path:
        if self.suffix == ".tmp":
            raise PermissionError
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PermissionError), atomic_folder(target) as folder:
        (folder / "new").write_text("2")
    assert contents(tmp_path) == {"model/old": "1"}


def test_a_folder_that_another_process_wrote_meanwhile_may_stay(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with atomic_folder(target, replace=False) as folder:
        (folder / "mine").write_text("1")
        fill(target, theirs="2")
    assert contents(tmp_path) == {"model/theirs": "2"}


def test_everything_is_on_disk_before_it_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(atomic_io, "_sync", lambda path: synced.append(path.name))
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "weights").write_text("1")
    assert synced == ["deep", "weights", folder.name, tmp_path.name]
    synced.clear()
    write_text(tmp_path / "note", "text")
    assert synced == [f".note.{os.getpid()}.tmp", tmp_path.name]
    sync_folder(tmp_path / "model")
    assert synced[2:] == ["deep", "weights", "model"]


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    fill(tmp_path / ".model.12.tmp", half="1")
    fill(tmp_path / ".model.12.old", before="1")
    fill(tmp_path / "model", own="2")
    (tmp_path / ".note.13.tmp").write_text("half")
    (tmp_path / ".hidden").write_text("of somebody else")
    remove_leftovers(tmp_path, "model")
    assert contents(tmp_path) == {".hidden": "of somebody else", ".note.13.tmp": "half", "model/own": "2"}
    remove_leftovers(tmp_path)
    assert contents(tmp_path) == {".hidden": "of somebody else", "model/own": "2"}
    remove_leftovers(tmp_path / "nothing")


def _dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("name", ["z.parquet", "scores.csv", "a[1].jsonl", "a.b.c", "no-ending"])
def test_the_next_write_removes_what_a_killed_process_left(tmp_path: Path, name: str) -> None:
    dead, mine = _dead_process(), os.getpid()
    for left in (f".{name}.{dead}.tmp", f".{name}.{dead}.tmp.jsonl"):
        (tmp_path / left).write_text("half")
    kept = {f".{name}.1.tmp": "of a living process", f".other.{name}.{dead}.tmp": "x", f".{name}.{dead}.old": "x"}
    for left, text in kept.items():
        (tmp_path / left).write_text(text)
    write_text(tmp_path / name, f"by {mine}")
    assert contents(tmp_path) == {name: f"by {mine}", **kept}


def test_the_next_folder_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    fill(tmp_path / f".model.{_dead_process()}.tmp", half="1")
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "whole").write_text("2")
    assert contents(tmp_path) == {"model/whole": "2"}


def test_a_full_disk_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    target = tmp_path / "out" / "z.csv"
    with (
        pytest.raises(OSError, match="No space left") as caught,
        atomic_path(target),
        Path("/dev/full").open("w") as full,
    ):
        full.write("x" * 100_000)
    assert caught.value.filename == str(target)
    with pytest.raises(FileNotFoundError) as caught, atomic_path(target) as temporary:
        temporary.read_text()
    assert caught.value.filename == str(target)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "cp850"])
def test_a_table_in_another_encoding_is_refused_with_its_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes("a,b\n1,2\nx,früh\n".encode(encoding))
    with pytest.raises(SourceError, match="save it as UTF-8") as caught:
        read_table(path)
    assert caught.value.line == (1 if encoding == "utf-16" else 3)


@pytest.mark.parametrize("change", ["bom", "crlf", "cr", "gzip", "gzip of cr"])
def test_a_table_as_spreadsheets_save_it(tmp_path: Path, change: str) -> None:
    text = "a,b\n1,früh\n"
    content = text.encode("utf-8-sig" if change == "bom" else "utf-8")
    ends = {"crlf": b"\r\n", "cr": b"\r", "gzip of cr": b"\r"}.get(change, b"\n")
    content = content.replace(b"\n", ends)
    path = tmp_path / "own.csv"
    path.write_bytes(gzip.compress(content) if "gzip" in change else content)
    assert read_table(path).to_dicts() == [{"a": "1", "b": "früh"}]


def test_a_damaged_gzip_file_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "own.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 100)[:-12])
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_table(path)
