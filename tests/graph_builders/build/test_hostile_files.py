"""What is no file at all, and files made to fill the memory or to take for ever: refused quickly, in bounded memory."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.build.build import build_tables
from rbio_kg.graph_builders.build.directory import find_sources
from rbio_kg.graph_builders.sample.sample import sample_directory
from tests.support.locations import ROOT
from tests.support.source_files.base_files import MADE, SAMPLE, Base, contents, read

MOST_MEMORY = 1500 << 20
"""Bytes that a process may need to refuse or read any of these files."""
BASES = (*SAMPLE, *MADE)


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # The address of a socket has to be short.
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(here)


def loop(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nothing(path: Path) -> None:
    path.symlink_to("/dev/null")


def own_memory(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


def below_a_file(path: Path) -> None:
    path.parent.joinpath("file").write_text("x")
    path.symlink_to(path.parent / "file" / "below")


def written_whole(base: Base, folder: Path) -> Path:
    """The complete files of a base's origin."""
    for name, content in contents(base.origin).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


STATES = (folder, pipe, listening, loop, dangling, zeros, nothing, own_memory, below_a_file)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("base", BASES, ids=lambda base: base.id)
def test_what_is_no_file_is_refused(base: Base, state: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    path = tmp_path / "broken" / Path(base.name).name
    state(path)
    whole = written_whole(base, tmp_path / "whole")
    with pytest.raises(SourceError) as caught:
        read(base, path, whole)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return shutil.copytree(sample_directory(), tmp_path / "sources")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_build_refuses_what_is_no_file(sources: Path, state: Callable[[Path], None]) -> None:
    path = sources / "hgnc" / "hgnc_complete_set.txt.gz"
    path.unlink()
    state(path)
    with pytest.raises(SourceError, match="hgnc"):
        build_tables(sources)


@contextmanager
def without_roots_rights() -> Iterator[None]:
    """Root may read every file: it becomes nobody meanwhile."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_without_the_right_to_read_it() -> None:
    with TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        sources = shutil.copytree(sample_directory(), Path(folder) / "sources")
        build_tables(sources)  # so that nothing is left to import
        (sources / "hgnc" / "hgnc_complete_set.txt.gz").chmod(0)
        with (
            without_roots_rights(),
            pytest.raises(SourceError, match=r"Permission denied\); check the path and its rights"),
        ):
            build_tables(sources)


@pytest.mark.parametrize("line", ["a\nb", "ligne cellulaire é", "細胞", "'; DROP %s{0}\\"])
def test_odd_names_of_files(sources: Path, line: str) -> None:
    (sources / "perturbqa" / "k562-de.csv.gz").rename(sources / "perturbqa" / f"{line}-de.csv.gz")
    tables, _ = build_tables(sources)
    assert canonical_line(line) in set(tables["questions"]["cell_line"])


def test_names_that_cannot_be(sources: Path) -> None:
    nameless = sources / "perturbqa" / "-de.csv.gz"
    (sources / "perturbqa" / "k562-de.csv.gz").rename(nameless)
    with pytest.raises(SourceError, match=r"-de\.csv\.gz: the file's name states no cell line"):
        build_tables(sources)
    nameless.rename(sources / "perturbqa" / os.fsdecode(b"k\xff562-de.csv.gz"))
    with pytest.raises(SourceError, match="the file's name is not UTF-8"):
        find_sources(sources)


# Files that are too much for the memory are written and read in a process of their own.

READ = """
import sys
from pathlib import Path
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import SourceError
from tests.support.source_files.base_files import BASES, found_files, context
from rbio_kg.graph_builders.sources.register import entry

base = next(base for base in BASES if base.id == sys.argv[1])
files, settled = found_files(base, Path(sys.argv[2]), Path(sys.argv[3])), context(base.origin)
try:
    entry(base.source).read(files, settled)
except SourceError as error:
    print(error)
else:
    print("was read")
# Not ru_maxrss: that of a started process counts what its parent needed before.
print(next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def line_of_200_megabytes(content: bytes) -> Iterator[bytes]:
    yield content
    yield from (b"x" * (1 << 20) for _ in range(200))


def separators_of_200_megabytes(content: bytes) -> Iterator[bytes]:
    yield content
    yield from (b"\t ," * 350_000 for _ in range(200))


def blank_lines_of_100_megabytes(content: bytes) -> Iterator[bytes]:
    yield content
    yield from (b"\n" * (1 << 20) for _ in range(100))


def returns_of_100_megabytes(content: bytes) -> Iterator[bytes]:
    yield content
    yield from (b"\r" * (1 << 20) for _ in range(100))


def short_rows_of_20_megabytes(content: bytes) -> Iterator[bytes]:
    yield content
    yield from (b"x\n" * (1 << 19) for _ in range(20))


def header_of_15_megabytes(content: bytes) -> Iterator[bytes]:
    yield b"\t ," * (5 << 20) + b"\n" + content


def _bomb(filler: bytes | None) -> Callable[[bytes], Iterator[bytes]]:
    """12 GB of a filler, else of its last line, behind the content; 12 MB of gzip."""

    def write(content: bytes) -> Iterator[bytes]:
        yield gzip.compress(content, 6, mtime=0)
        repeated = content.splitlines(keepends=True)[-1] if filler is None else filler
        member = gzip.compress(repeated * ((120 << 20) // len(repeated)), 1, mtime=0)
        yield from (member for _ in range(100))

    return write


def _zip_bomb(content: bytes) -> Iterator[bytes]:
    """12 GB of blank lines in one member of a zip archive, its index as in a real one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b"\n" * (120 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed, unpacked = len(block) * 100, (120 << 20) * 100 & 0xFFFFFFFF
    yield struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0x21, 0, packed, unpacked, 8, 0) + b"file.txt"
    yield from (block for _ in range(100))
    index = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0x21, 0, packed, unpacked, 8, 0, 0, 0, 0, 0, 0)
    yield index + b"file.txt" + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(index) + 8, packed + 38, 0)


LARGE: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "a line of 200 MB": line_of_200_megabytes,
    "separators of 200 MB": separators_of_200_megabytes,
    "blank lines of 100 MB": blank_lines_of_100_megabytes,
    "carriage returns of 100 MB": returns_of_100_megabytes,
    "short rows of 20 MB": short_rows_of_20_megabytes,
    "a header of 15 MB": header_of_15_megabytes,
    "a gzip bomb of zeros": _bomb(b"\0"),
    "a gzip bomb of blank lines": _bomb(b"\n"),
    "a gzip bomb of one line": _bomb(b"x"),
    "a gzip bomb of its own rows": _bomb(None),
    "a zip bomb": _zip_bomb,
}


ALONE = {
    "links": list(LARGE),
    "genes": ["blank lines of 100 MB", "a gzip bomb of its own rows"],
    "annotations": ["a gzip bomb of its own rows"],
    "members": ["a line of 200 MB"],
    "ontology": ["a zip bomb"],
}
FULL = [(base, name) for base in SAMPLE for name in ALONE.get(base.role, ())]


@pytest.mark.parametrize(("base", "name"), FULL, ids=[f"{base.id} {name}" for base, name in FULL])
def test_memory_is_bounded(base: Base, name: str, tmp_path: Path) -> None:
    whole = written_whole(base, tmp_path / "whole")
    path = tmp_path / Path(base.name).name
    with path.open("wb") as stream:
        stream.writelines(LARGE[name](contents(base.origin)[base.name]))
    result = subprocess.run(
        [sys.executable, "-c", READ, base.id, str(path), str(whole)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    path.unlink()
    *said, memory = result.stdout.splitlines()
    assert said == ["was read"] or (len(said) == 1 and str(path) in said[0])
    assert int(memory) < MOST_MEMORY
