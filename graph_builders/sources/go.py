"""The Gene Ontology: live terms, their relations, and the targets of obsolete and alternative ids."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.schema.schema import NAMESPACES
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS
from rbio_kg.graph_builders.parsing.hierarchy import require_acyclic
from rbio_kg.graph_builders.parsing.ontology_terms import OntologyTerms
from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles, ParsedSource
from rbio_kg.graph_builders.parsing.readers import numbered_lines
from rbio_kg.graph_builders.parsing.rejections import Rejections
from rbio_kg.graph_builders.parsing.source import SourceEntry, SourceFile

if TYPE_CHECKING:
    from networkx import MultiDiGraph

NAME = "GO"
REGULATION = {"regulates": 0, "positively_regulates": 1, "negatively_regulates": -1}
_HEADER_TAGS = frozenset({"format-version", "data-version", "ontology"})
# Tags passed to obonet. Others, such as definitions and cross-references, are most of the file and not used.
_GRAPH_TAGS = frozenset({"id", "alt_id", "is_a", "relationship", "is_obsolete", "replaced_by"})
_TERM_TAGS = _GRAPH_TAGS | {"name", "namespace", "synonym"}
_ID = re.compile(r"GO:\d{7}")
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s+EXACT\b')


class _Tag(NamedTuple):
    """One `name: value` line of a stanza."""

    line: int
    name: str
    value: str


class _Term(NamedTuple):
    """The texts of a term."""

    name: str
    namespace: str
    synonyms: list[str]


@dataclass
class _Stanzas:
    """The part of an OBO file that the graph needs, checked line by line.

    Args:
        text: lines for obonet.
        lines: term -> the line its stanza begins on.
        terms: the texts of each term.
    """

    text: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    terms: dict[str, _Term] = field(default_factory=dict)


def read(files: FoundFiles, context: BuildContext) -> ParsedSource:
    """Tables `terms` (information content still null), `is_a`, `part_of`, `regulates_term`, and the `OntologyTerms`.

    Relations of other kinds are left out and counted: `has_part` of go.obo, for example, would close cycles.

    Raises:
        SourceError: unreadable, not an OBO file, or is_a and part_of form a cycle.
    """
    import obonet  # Importing it takes a third of a second, which listing the sources does not need.

    path = files.one("ontology")
    rejections = Rejections(path)
    stanzas = _stanzas(path, rejections)
    rejections.require_some(len(stanzas.lines), "GO terms")
    try:
        graph = obonet.read_obo(io.StringIO("\n".join(stanzas.text)), ignore_obsolete=False)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"obonet cannot read the file ({error})", where=path, hint="is it an OBO file?") from error
    nodes = {term: data for term, data in graph.nodes(data=True) if term in stanzas.lines}
    live = {term for term, data in nodes.items() if data.get("is_obsolete") != "true"}
    left_out = {"obsolete terms": len(nodes) - len(live)} if len(nodes) > len(live) else {}
    rejections.seen = len(nodes) + graph.number_of_edges() + rejections.count
    edges = _relations(graph, live, stanzas.lines, rejections, left_out)
    ends = {"start": pl.String, "end": pl.String}
    upward = pl.DataFrame(edges["is_a"] + edges["part_of"], schema=ends, orient="row")
    require_acyclic(upward, "is_a and part_of", path, "use go-basic.obo")
    terms = pl.DataFrame(
        [
            (term, texts.name, texts.namespace, None, texts.synonyms)
            for term, texts in sorted(stanzas.terms.items())
            if term in live
        ],
        schema=TABLE_SCHEMAS["terms"],
        orient="row",
    )
    source = pl.lit(NAME).alias("source")
    signed = [(start, end, sign) for name, sign in REGULATION.items() for start, end in edges[name]]
    version = graph.graph.get("data-version")
    date = re.search(r"\d{4}-\d\d-\d\d", version or "")
    parsed = ParsedSource(
        frames={
            "terms": terms,
            **{
                name: pl.DataFrame(edges[name], schema=ends, orient="row").with_columns(source)
                for name in ("is_a", "part_of")
            },
            "regulates_term": pl.DataFrame(signed, schema={**ends, "sign": pl.Int64}, orient="row").with_columns(
                source
            ),
        },
        rejections=[rejections],
        left_out=left_out,
        version=version,
        date=date.group() if date else None,
        terms=_terms(nodes, live),
    )
    parsed.require("terms", path)
    return parsed


def _stanzas(path: Path, rejections: Rejections) -> _Stanzas:
    """Header and Term stanzas with the wanted tags only; a stanza without id, name or namespace is rejected."""
    result = _Stanzas()
    kind, start, stanza = "header", 1, list[_Tag]()
    for number, raw in numbered_lines(path):
        line = raw.strip()
        if line.startswith("["):
            _close(kind, start, stanza, result, rejections)
            kind, start, stanza = line, number, []
        elif line and not line.startswith("!") and kind in ("header", "[Term]"):
            tag, colon, value = line.partition(":")
            if tag in (_HEADER_TAGS if kind == "header" else _TERM_TAGS) and colon:
                stanza.append(_Tag(number, tag, value.strip()))
            elif not colon or not tag.replace("-", "_").isidentifier():
                if kind == "header":
                    raise SourceError(
                        "this is not an OBO header line", where=path, line=number, hint="is it an OBO file?"
                    )
                rejections.add(number, "the line is not `tag: value`")
    _close(kind, start, stanza, result, rejections)
    return result


def _close(kind: str, start: int, stanza: list[_Tag], result: _Stanzas, rejections: Rejections) -> None:
    if kind == "header":
        result.text += [*(f"{tag.name}: {tag.value}" for tag in stanza), "ontology: go", ""]
        return
    if kind != "[Term]":
        return
    tags = {tag.name: tag.value for tag in stanza}
    term = tags.get("id", "")
    if not _ID.fullmatch(term):
        rejections.add(start, "the term's id is not GO: and seven digits")
    elif not tags.get("name") or tags.get("namespace") not in NAMESPACES:
        rejections.add(start, f"{term} lacks a name or one of GO's three namespaces")
    elif term in result.lines:
        rejections.add(start, f"{term} is given twice, first on line {result.lines[term]}")
    else:
        result.lines[term] = start
        synonyms = _synonyms(tag.value for tag in stanza if tag.name == "synonym")
        result.terms[term] = _Term(_unescaped(tags["name"]), tags["namespace"], synonyms)
        result.text.append("[Term]")
        for number, tag, value in stanza:
            if tag in ("is_a", "relationship"):
                words = value.split(" ! ")[0].split("{")[0].split()
                if len(words) != (1 if tag == "is_a" else 2):
                    rejections.add(number, f"{tag} does not name one term")
                    continue
                value = " ".join(words)
            if tag in _GRAPH_TAGS:
                result.text.append(f"{tag}: {value}")
        result.text.append("")


def _relations(
    graph: MultiDiGraph, live: set[str], lines: dict[str, int], rejections: Rejections, left_out: dict[str, int]
) -> dict[str, list[tuple[str, str]]]:
    edges: dict[str, list[tuple[str, str]]] = {name: [] for name in ("is_a", "part_of", *REGULATION)}
    for start, end, kind in sorted(graph.edges(keys=True)):
        if kind not in edges:
            name = f"relation {kind}"
            left_out[name] = left_out.get(name, 0) + 1
        elif start not in live or end not in live:
            name = end if start in live else start
            rejections.add(lines[start], f"{kind} joins {start} to {end}, but {name} is not a live term")
        else:
            edges[kind].append((start, end))
    return edges


def _synonyms(values: Iterable[str]) -> list[str]:
    found = {_unescaped(match[1]) for value in values if (match := _SYNONYM.match(value))}
    return sorted(found)


def _unescaped(text: str) -> str:
    """A text without OBO's escapes: a backslash stands before a special character, or makes white space."""
    return re.sub(r"\\(.)", lambda match: " " if match[1] in "ntW" else match[1], text)


def _terms(nodes: dict[str, dict[str, list[str]]], live: set[str]) -> OntologyTerms:
    """A live id leads to itself; an alternative or obsolete id leads on if exactly one live term replaces it."""
    owners: dict[str, set[str]] = {}
    for term in live:
        for other in nodes[term].get("alt_id", []):
            owners.setdefault(other, set()).add(term)
    leads = {other: next(iter(terms)) for other, terms in owners.items() if len(terms) == 1 and other not in live}
    dead = set()
    for term in nodes.keys() - live:
        current, seen = term, {term}
        while current not in live and current not in leads:
            following = nodes.get(current, {}).get("replaced_by", [])
            if len(following) != 1 or following[0] in seen:
                break
            current = following[0]
            seen.add(current)
        if current in live:
            leads[term] = current
        elif current in leads:
            leads[term] = leads[current]
        else:
            dead.add(term)
    rows = sorted({**leads, **{term: term for term in live}}.items())
    return OntologyTerms(
        pl.DataFrame(rows, schema={"label": pl.String, "id": pl.String}, orient="row"), frozenset(dead)
    )


SOURCE = SourceEntry(
    name=NAME,
    title="Gene Ontology terms and their relations",
    folder="go",
    files=(SourceFile("ontology", "go-basic.obo", ("go.obo",), "http://purl.obolibrary.org/obo/go/go-basic.obo"),),
    licence="CC BY 4.0",
    commercial=True,
    url="https://geneontology.org",
    required=True,
    read=read,
)
