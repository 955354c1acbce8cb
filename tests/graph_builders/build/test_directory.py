from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.build import directory
from rbio_kg.graph_builders.build.directory import find_sources, unclaimed_files
from rbio_kg.graph_builders.sources.register import REGISTER
from tests.support.source_files.provider_files import FORMS, HGNC, LINKS, file_of, write_sources


def found(root: Path) -> dict[str, list[str]]:
    return {source.entry.name: [name for name, _ in source.digests] for source in find_sources(root)}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_every_file_is_found(tmp_path: Path, form: str) -> None:
    assert list(found(write_sources(tmp_path, form))) == [
        "HGNC", "GO", "GOA", "STRING", "Reactome", "WikiPathways", "CollecTRI", "PerturbQA",
        "HPA", "BioGRID", "IntAct", "co-essential modules", "CORUM",
    ]  # fmt: skip


def test_optional_sources_may_be_absent(tmp_path: Path) -> None:
    write_sources(tmp_path)
    for name in ("reactome", "wikipathways", "collectri", "perturbqa", "hpa", "extra", "corum"):
        (tmp_path / name).rename(tmp_path / f"no-{name}")
    assert list(found(tmp_path)) == ["HGNC", "GO", "GOA", "STRING"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hgnc/hgnc_complete_set.txt", "HGNC is missing: there is no hgnc_complete_set.txt"),
        ("go/goa_human.gaf", "GOA is missing: there is no goa_human.gaf.gz"),
        ("string/9606.protein.info.v12.0.txt", "STRING is missing: there is no 9606.protein.info"),
        ("reactome/ReactomePathways.gmt", "Reactome is incomplete: there is no ReactomePathways.gmt.zip"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, name: str, message: str) -> None:
    (write_sources(tmp_path) / name).unlink()
    with pytest.raises(SourceError, match=message) as caught:
        find_sources(tmp_path)
    assert "rbio-kg fetch" in str(caught.value)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the sources directory is missing"):
        find_sources(tmp_path / "nowhere")


def test_the_fullest_links_file_is_taken(tmp_path: Path) -> None:
    folder = write_sources(tmp_path) / "string"
    assert found(tmp_path)["STRING"][1] == "string/9606.protein.links.v12.0.txt"
    for kind in ("detailed", "full"):
        file_of(folder, LINKS, f"9606.protein.links.{kind}.v12.0.txt.gz")
        assert found(tmp_path)["STRING"][1] == f"string/9606.protein.links.{kind}.v12.0.txt.gz"


def test_commercial_sources_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sources(tmp_path)
    everything = [source.entry for source in find_sources(tmp_path)]
    allowed = [source.entry for source in find_sources(tmp_path, commercial_only=True)]
    assert [entry.name for entry in everything if entry not in allowed] == [
        "CollecTRI",
        "co-essential modules",
        "CORUM",
    ]
    assert all(entry.commercial for entry in allowed)
    required = replace(everything[0], commercial=False)
    monkeypatch.setattr(directory, "REGISTER", (required, *REGISTER[1:]))
    with pytest.raises(SourceError, match="HGNC is needed for every graph, but its licence"):
        find_sources(tmp_path, commercial_only=True)


def test_two_versions_of_a_file_are_not_guessed(tmp_path: Path) -> None:
    write_sources(tmp_path)
    (tmp_path / "hgnc" / "hgnc_complete_set.txt").rename(tmp_path / "hgnc" / "hgnc_complete_set_2023.txt")
    file_of(tmp_path / "hgnc", HGNC, "hgnc_complete_set_2024.txt")
    with pytest.raises(SourceError, match="several files fit"):
        find_sources(tmp_path)


def test_plain_comes_before_compressed(tmp_path: Path) -> None:
    write_sources(tmp_path)
    write_sources(tmp_path, "gz")
    names = [name for listed in found(tmp_path).values() for name in listed]
    assert not [name for name in names if name.endswith(".gz")]


def test_digests(tmp_path: Path) -> None:
    sources = {source.entry.name: source for source in find_sources(write_sources(tmp_path))}
    assert sources["HGNC"].sha256 == hashlib.sha256(HGNC.encode()).hexdigest()
    both = sources["STRING"].sha256
    file_of(tmp_path / "string", LINKS + "\n", "9606.protein.links.v12.0.txt")
    assert {source.entry.name: source for source in find_sources(tmp_path)}["STRING"].sha256 != both


@pytest.mark.parametrize(
    "name",
    [
        "perturbqa/k562_effects.csv", "perturbqa/k562-de.tsv", "string/10090.protein.links.v12.0.txt.gz", "notes.csv",
        "extra/gtex.parquet", "go/2019/go.obo.gz", "hgnc/genes.txt", "reactom/ReactomePathways.gmt", "collectri/x.xlsx",
    ],
)  # fmt: skip
def test_a_file_that_no_source_takes_is_named(tmp_path: Path, name: str) -> None:
    write_sources(tmp_path)
    assert unclaimed_files(tmp_path) == []
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert unclaimed_files(tmp_path) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "perturbqa/simulated.json", "go/fetched.json", "string/9606.protein.links.v11.5.txt.gz", "README",
        "go/README.md", "SOURCES.md", "LICENSE", "string/links.txt.gz.part", "string/links.txt.gz.part.json",
        ".fetch.lock", "MD5SUMS", "go/go-basic.obo.sha256", "hgnc/.DS_Store", ".git/config", "hgnc/checksums.txt",
        "perturbqa/K-562_de.csv.gz", "perturbqa/RPE1.DIR.csv", "hgnc/hgnc_complete_set.txt.gz",
    ],
)  # fmt: skip
def test_files_that_belong_there_are_not_named(tmp_path: Path, name: str) -> None:
    path = write_sources(tmp_path) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert unclaimed_files(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["K562_de.csv", "K-562-de.csv.gz", "k562.de.csv", "k562-DE.csv.zip", "hTERT-RPE1_dir.csv", "A549 Dir.csv"]
)
def test_questions_of_any_spelling_are_found(tmp_path: Path, name: str) -> None:
    write_sources(tmp_path)
    file_of(tmp_path / "perturbqa", "pert,gene,label,split\n", name)
    assert f"perturbqa/{name}" in found(tmp_path)["PerturbQA"]
