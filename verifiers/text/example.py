"""A small example graph on which the reader's doctests run, and short views of what the reader sees.

The names that doctests of this package use (`read`, `tagged`, `matched`, `example_lexicon`) are these functions.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.text.lexicon import Lexicon
from rbio_kg.verifiers.text.parsing.parse_state import RawStatement
from rbio_kg.verifiers.text.parsing.tagging import TaggedSentence, tag_sentence
from rbio_kg.verifiers.text.reader import StatementReader

_GENES = {
    "CCND1": "cyclin D1",
    "MDM2": "MDM2 proto-oncogene",
    "MYC": "MYC proto-oncogene",
    "SP1": "Sp1 transcription factor",
    "TP53": "tumor protein p53",
}
_ALIASES = {"p53": "TP53"}
_TERMS = {
    "GO:0006281": "DNA repair",
    "GO:0006914": "autophagy",
    "GO:0010506": "regulation of autophagy",
    "GO:0010507": "negative regulation of autophagy",
    "GO:0010508": "positive regulation of autophagy",
}


def _table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[name]
    blank: dict[str, Any] = {column: [] if isinstance(kind, pl.List) else None for column, kind in schema.items()}
    return pl.DataFrame([blank | row for row in rows], schema=schema)


@cache
def example_lexicon() -> Lexicon:
    """The names of the example graph: five genes and five terms."""
    labels = [(symbol, symbol, "approved") for symbol in _GENES]
    labels += [(alias, symbol, "alias") for alias, symbol in _ALIASES.items()]
    rows: dict[str, list[dict[str, Any]]] = {
        "genes": [{"symbol": symbol, "name": name} for symbol, name in _GENES.items()],
        "names": [{"label": label, "symbol": symbol, "kind": kind} for label, symbol, kind in labels],
        "terms": [
            {"id": key, "name": name, "namespace": "biological_process", "information_content": 4.0}
            for key, name in _TERMS.items()
        ],
        "sources": [{"name": "go", "simulated": False}],
    }
    tables = GraphTables({name: _table(name, items) for name, items in rows.items()})
    with tempfile.TemporaryDirectory() as folder:
        write_snapshot(tables, Path(folder) / "snapshot", "example")
        return Lexicon(Snapshot.open(Path(folder) / "snapshot"))


def tagged(text: str) -> TaggedSentence:
    """A sentence as the parser sees it."""
    return tag_sentence(example_lexicon().read(text))


def matched(pattern: re.Pattern[str], text: str, after: str | None = None) -> str | None:
    """The words of a sentence that a pattern over tags matches.

    Args:
        pattern: made by `tags.pattern`.
        text: the sentence.
        after: the match begins right behind this word; without it the first match counts.

    Returns:
        The words as they are written, by spaces; None without a match.
    """
    sentence = tagged(text)
    if after is None:
        match = pattern.search(sentence.tags)
    else:
        words = [word.text for word in sentence.words]
        match = pattern.match(sentence.tags, words.index(after.lower()) + 1)
    if match is None:
        return None
    spans = [sentence.source.span(i) for i in range(*match.span())]
    return " ".join(text[start:end] for start, end in spans)


def read(text: str) -> list[str]:
    """The statements of a text, in short form."""
    return StatementReader(example_lexicon(), _in_short).read(text)


def _in_short(raw: RawStatement) -> str:
    denied = "not " if raw.polarity == "negated" else ""
    hedged = " (hedged)" if raw.certainty == "hedged" else ""
    return f"{denied}{raw.subject} {raw.relation} {_TERMS.get(raw.object, raw.object)}{hedged}"
