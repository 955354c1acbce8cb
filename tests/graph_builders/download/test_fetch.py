from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from rbio_kg.core.errors import FetchError, SourceError
from rbio_kg.graph_builders.download.download import Patience
from rbio_kg.graph_builders.download.fetch import FetchedFile, fetch, fetch_sources, list_files
from rbio_kg.graph_builders.parsing.parsed import ParsedSource
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile
from rbio_kg.graph_builders.sources.register import REGISTER
from tests.support.source_files.file_server import Behaviour, FileServer, file_server
from tests.support.source_files.provider_files import packed

HASTE = Patience(retries=1, wait=0.0, timeout=10.0)
GENES = gzip.compress(b"symbol\nTP53\n", mtime=0)
ENTRY = SourceEntry(
    name="Names",
    folder="names",
    files=(
        SourceFile("genes", "genes.txt.gz", url="https://provider.invalid/latest/genes.txt.gz"),
        SourceFile("more", "more.txt", url="https://provider.invalid/latest/more.txt", required=False),
        SourceFile("local", "local.json", required=False),
    ),
    licence="CC0",
    commercial=True,
    url="https://provider.invalid",
    required=True,
    read=lambda found, context: ParsedSource(frames={}, rejections=[]),
    title="names",
)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as state:
        state.files = {"/names/genes.txt.gz": GENES, "/names/more.txt": b"more"}
        yield state


def bring(server: FileServer, directory: Path, entry: SourceEntry = ENTRY) -> list[FetchedFile]:
    return fetch([entry], directory, base_url_override=f"{server.address}/", patience=HASTE)


def record(directory: Path) -> dict[str, dict[str, object]]:
    content = json.loads((directory / "names" / "fetched.json").read_text())
    assert isinstance(content, dict)
    return content


def test_files_lie_as_the_providers_have_them_and_their_digests_are_noted(tmp_path: Path, server: FileServer) -> None:
    files = bring(server, tmp_path / "sources")
    assert [(item.name, item.state) for item in files] == [("genes.txt.gz", "downloaded"), ("more.txt", "downloaded")]
    assert (tmp_path / "sources/names/genes.txt.gz").read_bytes() == GENES
    digest = hashlib.sha256(GENES).hexdigest()
    assert files[0].sha256 == record(tmp_path / "sources")["genes.txt.gz"]["sha256"] == digest
    assert record(tmp_path / "sources")["genes.txt.gz"]["bytes"] == len(GENES)
    assert json.loads(json.dumps([item.to_json() for item in files]))[0]["path"].endswith("names/genes.txt.gz")


def test_a_second_fetch_asks_nothing_and_says_so(tmp_path: Path, server: FileServer) -> None:
    bring(server, tmp_path)
    requests = len(server.requests)
    files = bring(server, tmp_path)
    assert len(server.requests) == requests
    assert {(item.state, item.note) for item in files} == {("reused", "already there, checksum verified")}


@pytest.mark.parametrize("name", ["genes.txt", "genes.txt.gz", "genes.txt.zip"])
def test_a_file_of_the_users_own_is_taken_as_it_is(tmp_path: Path, server: FileServer, name: str) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / name).write_bytes(b"my own")
    files = bring(server, tmp_path)
    assert (files[0].name, files[0].state) == (name, "reused")
    assert "not verified" in files[0].note
    assert (tmp_path / "names" / name).read_bytes() == b"my own"
    assert "genes.txt.gz" not in record(tmp_path)


def test_a_file_that_changed_after_it_was_fetched_is_an_error(tmp_path: Path, server: FileServer) -> None:
    bring(server, tmp_path)
    (tmp_path / "names/more.txt").write_text("edited")
    with pytest.raises(FetchError, match="has changed since it was fetched") as caught:
        bring(server, tmp_path)
    assert caught.value.where == str(tmp_path / "names/more.txt")
    assert "delete it" in caught.value.hint


def test_a_known_checksum_is_verified_for_downloads_and_for_files_that_are_there(
    tmp_path: Path, server: FileServer
) -> None:
    known = replace(ENTRY, files=(replace(ENTRY.files[0], sha256="0" * 64),))
    with pytest.raises(FetchError, match=r"genes.txt.gz is not what it should be: its sha256"):
        bring(server, tmp_path, known)
    (tmp_path / "names/genes.txt.gz").write_bytes(GENES)
    with pytest.raises(FetchError, match="sha256"):
        bring(server, tmp_path, known)
    right = replace(known, files=(replace(known.files[0], sha256=hashlib.sha256(GENES).hexdigest()),))
    assert bring(server, tmp_path, right)[0].note == "already there, checksum verified"


def test_an_optional_file_may_be_missing_a_required_one_not(tmp_path: Path, server: FileServer) -> None:
    del server.files["/names/more.txt"]
    files = bring(server, tmp_path)
    assert (files[1].state, files[1].path, files[1].bytes) == ("unavailable", None, None)
    assert "404" in files[1].note
    del server.files["/names/genes.txt.gz"]
    with pytest.raises(FetchError, match=r"genes.txt.gz could not be downloaded.*404") as caught:
        bring(server, tmp_path / "other")
    assert str(tmp_path / "other/names/genes.txt.gz") in caught.value.hint


def test_an_optional_file_on_a_bad_line_is_an_error(tmp_path: Path, server: FileServer) -> None:
    server.script = [Behaviour()] + [Behaviour(status=503)] * 5
    with pytest.raises(FetchError, match=r"more.txt"):
        bring(server, tmp_path)


def test_a_failed_fetch_goes_on_where_it_stopped(tmp_path: Path, server: FileServer) -> None:
    server.files["/names/more.txt"] = b"m" * 100_000
    server.script = [Behaviour(), Behaviour(break_after=60_000)] + [Behaviour(status=503)] * 5
    with pytest.raises(FetchError):
        bring(server, tmp_path)
    server.script = []
    files = bring(server, tmp_path)
    assert [item.state for item in files] == ["reused", "resumed"]
    assert "60,000 bytes" in files[1].note
    assert server.requests[-1].range == "bytes=60000-"


def test_progress_is_a_share_of_all_files(tmp_path: Path, server: FileServer) -> None:
    steps: list[tuple[str, float | None]] = []
    fetch(
        [ENTRY],
        tmp_path,
        base_url_override=server.address,
        patience=HASTE,
        progress=lambda message, share: steps.append((message, share)),
    )
    shares = [share for _, share in steps if share is not None]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any("genes.txt.gz" in message for message, _ in steps)


def test_two_fetches_do_not_meet(tmp_path: Path, server: FileServer) -> None:
    with (
        FileLock(tmp_path / ".fetch.lock"),
        pytest.raises(FetchError, match="another fetch is at work"),
    ):
        bring(server, tmp_path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "names").write_text("a file where a folder should be")
    with pytest.raises(FetchError, match="cannot be written"):
        bring(server, tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"more.txt": 3}'])
def test_a_damaged_record_is_an_error(tmp_path: Path, server: FileServer, content: str) -> None:
    bring(server, tmp_path)
    (tmp_path / "names/fetched.json").write_text(content)
    with pytest.raises(FetchError, match="record") as caught:
        bring(server, tmp_path)
    assert caught.value.where == str(tmp_path / "names/fetched.json")


def test_sources_are_fetched_by_name(tmp_path: Path, server: FileServer) -> None:
    server.files = {"/go/go-basic.obo": b"format-version: 1.2\n"}
    files = fetch_sources(tmp_path, ["go"], mirror=server.address)
    assert [(item.source, item.name) for item in files] == [("GO", "go-basic.obo")]
    assert (tmp_path / "go/go-basic.obo").is_file()
    with pytest.raises(SourceError, match="no source is called"):
        fetch_sources(tmp_path, ["nothing"])


def test_large_sources_come_only_by_name(tmp_path: Path, server: FileServer) -> None:
    large = {entry.name for entry in REGISTER if entry.by_name}
    server.files = {
        f"/{entry.folder}/{file.name}": packed("content", Path(file.name).suffix[1:])
        for entry in REGISTER
        for file in entry.files
        if file.url is not None
    }
    names = {item.source for item in fetch_sources(tmp_path, mirror=server.address)}
    assert large == {"HPA", "BioGRID", "IntAct", "CORUM"}
    assert names == {entry.name for entry in REGISTER} - large
    assert {item.source for item in fetch_sources(tmp_path, ["hpa"], mirror=server.address)} == {"HPA"}


def test_the_list_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    (tmp_path / "go/go-basic.obo.gz").write_bytes(b"12")
    (tmp_path / "go/goa_human.gaf.gz.part").write_bytes(b"123")
    listed = {item.name: item for item in list_files(tmp_path)}
    assert (listed["go-basic.obo"].state, listed["go-basic.obo"].bytes) == ("present", 2)
    assert (listed["goa_human.gaf.gz"].state, listed["goa_human.gaf.gz"].bytes) == ("partial", 3)
    others = [item for item in listed.values() if item.source not in ("GO", "GOA")]
    assert {item.state for item in others} == {"missing"}
    assert {item.source for item in listed.values()} == {entry.name for entry in REGISTER}
    assert all(item.url.startswith("http") and item.licence for item in listed.values())
    assert [item.name for item in list_files(tmp_path, ["goa"])] == ["goa_human.gaf.gz"]
    json.dumps([item.to_json() for item in listed.values()])
