"""The register of sources. A new source is one module that declares a `SOURCE`, and one line in `MODULES`."""

from __future__ import annotations

from importlib import import_module

from rbio_kg.core.errors import SourceError
from rbio_kg.graph_builders.parsing.source import SourceEntry

# Sources are parsed in this order: gene names, terms and cell lines come before the sources that need them.
MODULES = (
    "hgnc",
    "go",
    "goa",
    "string.links",
    "reactome",
    "wikipathways",
    "collectri",
    "perturbqa",
    "hpa",
    "biogrid",
    "intact",
    "coessential",
    "corum",
)


def _source(module: str) -> SourceEntry:
    source: SourceEntry = import_module(f"rbio_kg.graph_builders.sources.{module}").SOURCE
    return source


REGISTER: tuple[SourceEntry, ...] = tuple(_source(module) for module in MODULES)


def entry(name: str) -> SourceEntry:
    """The entry called `name`, whatever the case.

    Raises:
        SourceError: no source has that name.
    """
    for item in REGISTER:
        if item.name.lower() == name.lower():
            return item
    known = ", ".join(item.name.lower() for item in REGISTER)
    raise SourceError(f"no source is called {name!r}", hint=f"known: {known}")
