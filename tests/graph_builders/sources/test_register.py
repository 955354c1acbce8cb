from __future__ import annotations

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.sources.register import REGISTER, entry


def test_every_source_has_a_reader_and_an_address() -> None:
    for source in REGISTER:
        assert callable(source.read)
        assert source.licence
        assert source.url.startswith("https://")
        for file in source.files:
            if file.required:
                assert file.url is not None
                assert file.url.startswith(("http://", "https://"))


def test_names_and_files_are_unique() -> None:
    assert len({source.name.lower() for source in REGISTER}) == len(REGISTER)
    paths = [(source.folder, file.name) for source in REGISTER for file in source.files]
    assert len(set(paths)) == len(paths)


def test_entries_by_any_case() -> None:
    assert entry("string") is entry("STRING")
    with pytest.raises(SourceError, match=r"no source is called 'kegg'; known: hgnc, go"):
        entry("kegg")
