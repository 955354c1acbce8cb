from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import FetchError
from rbio_kg.graph_builders.download.download import Download, FileGoneError, Patience, download
from tests.support.source_files.file_server import Behaviour, FileServer, file_server

HASTE = Patience(retries=2, wait=0.0, timeout=10.0)
BODY = bytes(range(256)) * 4000
GZIPPED = gzip.compress(BODY[::-1] + BODY, mtime=0)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as state:
        state.files = {"/table.txt": BODY, "/table.gz": GZIPPED}
        yield state


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10.0, trust_env=False) as talker:
        yield talker


def bring(
    client: httpx.Client, server: FileServer, target: Path, *, path: str = "/table.txt", sha256: str | None = None
) -> Download:
    url = server.address + path
    return download(client, url, target, sha256=sha256, patience=HASTE, report=lambda size, total: None)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_with_its_digest_and_nothing_else_stays(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    came = bring(client, server, tmp_path / "table.txt", sha256=hashlib.sha256(BODY).hexdigest())
    assert (tmp_path / "table.txt").read_bytes() == BODY
    assert (came.size, came.sha256, came.resumed_from) == (len(BODY), hashlib.sha256(BODY).hexdigest(), 0)
    assert came.etag is not None
    assert leftovers(tmp_path) == ["table.txt"]


@given(breaks=st.lists(st.integers(0, len(GZIPPED)), max_size=5), resumes=st.booleans())
def test_however_the_line_breaks_the_file_is_whole(breaks: list[int], resumes: bool) -> None:
    with file_server() as server, httpx.Client(trust_env=False) as client, TemporaryDirectory() as folder:
        server.files, server.ignores_range = {"/table.gz": GZIPPED}, not resumes
        server.script = [Behaviour(break_after=place) for place in breaks]
        target = Path(folder) / "table.gz"
        url = f"{server.address}/table.gz"
        patience = Patience(retries=6, wait=0.0, timeout=10.0)
        download(client, url, target, sha256=None, patience=patience, report=lambda *_: None)
        assert target.read_bytes() == GZIPPED
        assert leftovers(Path(folder)) == ["table.gz"]


def test_a_gz_file_labelled_as_an_encoding_is_kept_as_it_is(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    server.encoding = "gzip"
    bring(client, server, tmp_path / "table.gz", path="/table.gz")
    assert (tmp_path / "table.gz").read_bytes() == GZIPPED


def test_a_plain_file_sent_compressed_is_unpacked_and_never_resumed(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    server.encoding, server.files = "gzip", {"/table.txt": GZIPPED}
    server.script = [Behaviour(break_after=len(GZIPPED) // 2)]
    bring(client, server, tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_bytes() == BODY[::-1] + BODY
    assert [item.range for item in server.requests] == [None, None]


def test_progress_grows_to_the_whole(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    seen: list[tuple[int, int | None]] = []
    url = f"{server.address}/table.txt"
    download(
        client, url, tmp_path / "t", sha256=None, patience=HASTE, report=lambda size, total: seen.append((size, total))
    )
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def test_a_broken_line_is_taken_up_where_it_broke(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.script = [Behaviour(break_after=300_000), Behaviour(break_after=200_000)]
    came = bring(client, server, tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_bytes() == BODY
    assert [item.range for item in server.requests] == [None, "bytes=300000-", "bytes=500000-"]
    assert server.requests[1].if_range == came.etag


def test_another_run_goes_on_from_the_part(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.script = [Behaviour(break_after=100_000)] + [Behaviour(status=503)] * 5
    with pytest.raises(FetchError, match=r"503.*100,000 bytes that came are kept"):
        bring(client, server, tmp_path / "table.txt")
    assert leftovers(tmp_path) == ["table.txt.part", "table.txt.part.json"]
    server.script = []
    came = bring(client, server, tmp_path / "table.txt")
    assert came.resumed_from == 100_000
    assert server.requests[-1].range == "bytes=100000-"
    assert (tmp_path / "table.txt").read_bytes() == BODY
    assert leftovers(tmp_path) == ["table.txt"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    server.script = [Behaviour(break_after=100_000)] + [Behaviour(status=503)] * 5
    with pytest.raises(FetchError):
        bring(client, server, tmp_path / "table.txt")
    server.script, server.files["/table.txt"] = [], BODY[::-1]
    bring(client, server, tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("how", ["ignores_range", "no validator", "weak validator", "wrong_offset"])
def test_a_server_that_cannot_resume_sends_it_all_again(
    tmp_path: Path, server: FileServer, client: httpx.Client, how: str
) -> None:
    server.ignores_range = how == "ignores_range"
    server.validators = how != "no validator"
    server.wrong_offset = how == "wrong_offset"
    server.etags = {"/table.txt": 'W/"about"'} if how == "weak validator" else {}
    server.script = [Behaviour(break_after=300_000)]
    bring(client, server, tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_bytes() == BODY
    resumes = how in ("ignores_range", "wrong_offset")
    assert (server.requests[1].range is not None) == resumes


def test_a_part_that_is_whole_already_needs_only_the_last_step(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    etag = bring(client, server, tmp_path / "table.txt").etag
    (tmp_path / "table.txt").rename(tmp_path / "table.txt.part")
    note = {"url": f"{server.address}/table.txt", "validator": etag}
    (tmp_path / "table.txt.part.json").write_text(json.dumps(note))
    came = bring(client, server, tmp_path / "table.txt")
    assert server.requests[-1].range == f"bytes={len(BODY)}-"
    assert came.size == len(BODY)
    assert leftovers(tmp_path) == ["table.txt"]


def test_416_with_a_stale_part_starts_afresh(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.script = [Behaviour(break_after=100_000), Behaviour(status=416)]
    bring(client, server, tmp_path / "table.txt")
    assert [item.range for item in server.requests] == [None, "bytes=100000-", None]
    assert (tmp_path / "table.txt").read_bytes() == BODY


def test_passing_faults_are_tried_again(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.script = [Behaviour(status=503, retry_after="0"), Behaviour(status=429)]
    bring(client, server, tmp_path / "table.txt")
    assert len(server.requests) == 3


def test_patience_ends(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.script = [Behaviour(status=503)] * 9
    with pytest.raises(FetchError, match=r"table.txt could not be downloaded: .*503.*3 attempts") as caught:
        bring(client, server, tmp_path / "table.txt")
    assert len(server.requests) == 1 + HASTE.retries
    assert caught.value.where == f"{server.address}/table.txt"
    assert str(tmp_path / "table.txt") in caught.value.hint


@pytest.mark.parametrize(
    ("status", "kind"), [(404, FileGoneError), (410, FileGoneError), (403, FetchError), (416, FetchError)]
)
def test_a_refusal_is_not_tried_again(
    tmp_path: Path, server: FileServer, client: httpx.Client, status: int, kind: type[FetchError]
) -> None:
    server.script = [Behaviour(status=status)]
    with pytest.raises(kind, match=f"table.txt could not be downloaded: the server answered {status}"):
        bring(client, server, tmp_path / "table.txt")
    assert len(server.requests) == 1
    assert leftovers(tmp_path) == []


def test_a_length_that_never_comes_is_an_error(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    server.ignores_range = True
    server.script = [Behaviour(claim=len(BODY) + 10)] * 9
    with pytest.raises(FetchError, match=r"table.txt could not be downloaded"):
        bring(client, server, tmp_path / "table.txt")
    assert not (tmp_path / "table.txt").exists()
    # The first attempt brought something new; those after it did not.
    assert len(server.requests) == 2 + HASTE.retries


def test_nobody_there_is_an_error(tmp_path: Path, client: httpx.Client) -> None:
    with file_server() as gone:
        pass
    with pytest.raises(FetchError, match=r"table\.txt could not be downloaded") as caught:
        bring(client, gone, tmp_path / "table.txt")
    assert "check the connection" in caught.value.hint


def test_an_address_of_another_kind_is_an_error(tmp_path: Path, client: httpx.Client) -> None:
    with pytest.raises(FetchError, match=r"table\.txt cannot be downloaded"):
        download(
            client, "ftp://127.0.0.1/x", tmp_path / "table.txt", sha256=None, patience=HASTE, report=lambda *_: None
        )


def _zip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("table.txt", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("table.gz", b"<!DOCTYPE html><html>log in</html>", "web page"),
        ("table.txt", b"\n <html>log in</html>", "web page"),
        ("table.gz", b"plain text", "not gzipped"),
        ("table.gz", GZIPPED[:-200], "damaged"),
        ("table.gz", GZIPPED[:1000] + b"\0" * 500 + GZIPPED[1500:], "damaged"),
        ("table.zip", b"PK but no zip", "damaged"),
        ("table.zip", _zip(BODY).replace(BODY[:100], BODY[100:200], 1), "table.txt in it is damaged"),
        ("table.txt", b"", "sent nothing"),
    ],
)
def test_what_is_not_the_file_never_takes_its_place(
    tmp_path: Path, server: FileServer, client: httpx.Client, name: str, content: bytes, says: str
) -> None:
    server.files = {f"/{name}": content}
    with pytest.raises(FetchError, match=rf"{name} is not what it should be: .*{says}"):
        bring(client, server, tmp_path / name, path=f"/{name}")
    assert leftovers(tmp_path) == []


def test_a_wrong_checksum_is_refused(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    with pytest.raises(FetchError, match="sha256 is"):
        bring(client, server, tmp_path / "table.txt", sha256="0" * 64)
    assert leftovers(tmp_path) == []


def test_the_old_file_stays_until_the_new_one_is_whole(
    tmp_path: Path, server: FileServer, client: httpx.Client
) -> None:
    (tmp_path / "table.txt").write_bytes(b"old")
    server.script = [Behaviour(break_after=10)] + [Behaviour(status=503)] * 5
    with pytest.raises(FetchError):
        bring(client, server, tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_bytes() == b"old"


def test_an_interruption_keeps_what_came(tmp_path: Path, server: FileServer, client: httpx.Client) -> None:
    def interrupt(size: int, total: int | None) -> None:
        if size > 300_000:
            raise KeyboardInterrupt

    url = f"{server.address}/table.txt"
    with pytest.raises(KeyboardInterrupt):
        download(client, url, tmp_path / "table.txt", sha256=None, patience=HASTE, report=interrupt)
    assert leftovers(tmp_path) == ["table.txt.part", "table.txt.part.json"]
    came = bring(client, server, tmp_path / "table.txt")
    assert came.resumed_from > 300_000
    assert (tmp_path / "table.txt").read_bytes() == BODY


@pytest.mark.parametrize("note", ["", "{", "[]", '{"url": "http://elsewhere/", "validator": "x"}', '{"validator": 3}'])
def test_a_part_without_a_usable_note_is_not_trusted(
    tmp_path: Path, server: FileServer, client: httpx.Client, note: str
) -> None:
    (tmp_path / "table.txt.part").write_bytes(b"of unknown origin")
    (tmp_path / "table.txt.part.json").write_text(note)
    came = bring(client, server, tmp_path / "table.txt")
    assert came.resumed_from == 0
    assert (tmp_path / "table.txt").read_bytes() == BODY
