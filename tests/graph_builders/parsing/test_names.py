from __future__ import annotations

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.schema.schema import SYMBOL_KINDS
from rbio_kg.graph_builders.parsing.names import IDENTIFIERS, LABELS, GeneNames, Unmapped


def names(*rows: tuple[str, str, str]) -> GeneNames:
    return GeneNames.of(pl.DataFrame(rows, schema=LABELS, orient="row"))


KNOWN = names(
    ("A", "A", "approved"),
    ("B", "B", "approved"),
    ("A", "B", "alias"),
    ("old", "A", "previous"),
    ("both", "A", "previous"),
    ("both", "B", "alias"),
    ("twice", "A", "previous"),
    ("twice", "A", "alias"),
    ("7", "A", "entrez"),
    ("7", "B", "alias"),
    ("P1", "A", "uniprot"),
    ("P1", "B", "uniprot"),
)


def resolved(frame: pl.DataFrame, **steps: tuple[str, ...]) -> list[str | None]:
    return KNOWN.resolve(frame, steps, "symbol")["symbol"].to_list()


def test_approved_wins_and_shared_labels_are_never_guessed() -> None:
    labels = ["A", "B", "old", "both", "twice", "P1", "a", "", "nothing"]
    assert resolved(pl.DataFrame({"label": labels}), label=SYMBOL_KINDS) == [
        "A", "B", "A", None, "A", None, None, None, None,
    ]  # fmt: skip
    assert KNOWN.ambiguous.rows() == [("P1", ["A", "B"]), ("both", ["A", "B"])]
    assert KNOWN.ambiguity()["count"] == 2


def test_an_identifier_comes_before_an_alias_of_the_same_spelling() -> None:
    assert resolved(pl.DataFrame({"label": ["7"]}), label=("entrez",)) == ["A"]
    assert resolved(pl.DataFrame({"label": ["7"]}), label=SYMBOL_KINDS) == [None]


def test_a_label_has_one_row() -> None:
    assert KNOWN.labels["label"].is_unique().all()
    assert KNOWN.labels.filter(label="twice").rows() == [("twice", "A", "previous")]


def test_steps_go_approved_first_then_in_their_order() -> None:
    frame = pl.DataFrame({"id": ["7", "7", None, "9"], "label": ["B", "old", "old", "both"]})
    assert resolved(frame, id=("entrez",), label=SYMBOL_KINDS) == ["B", "A", "A", None]


def test_order_and_other_columns_stay() -> None:
    frame = pl.DataFrame({"label": ["old", "x", "B", "old"], "line": [4, 3, 2, 1]})
    assert KNOWN.resolve(frame, {"label": SYMBOL_KINDS}, "symbol").drop("symbol").equals(frame)


def test_unmapped_counts_rows_and_labels() -> None:
    frame = KNOWN.resolve(pl.DataFrame({"label": ["x", "x", "both", "A"]}), {"label": SYMBOL_KINDS}, "symbol")
    unmapped = Unmapped()
    assert unmapped.drop(frame, {"symbol": "label"})["label"].to_list() == ["A"]
    assert unmapped.to_json(KNOWN) == {
        "rows": 3,
        "labels": 2,
        "ambiguous": 1,
        "first": [{"label": "x", "rows": 2}, {"label": "both", "rows": 1}],
    }


label_rows = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("ABC"), st.sampled_from(["previous", "alias", *IDENTIFIERS]))
)


@given(label_rows)
def test_against_a_slow_reference(given_rows: list[tuple[str, str, str]]) -> None:
    rows = [*given_rows, *((symbol, symbol, "approved") for symbol in "ABC")]
    tiers: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for label, symbol, kind in rows:
        tiers[label][0 if kind == "approved" else 1 if kind in IDENTIFIERS else 2].add(symbol)
    expected = {}
    for label, by_tier in tiers.items():
        best = by_tier[min(by_tier)]
        if len(best) == 1:
            expected[label] = next(iter(best))
    built = names(*rows)
    assert dict(built.labels.select("label", "symbol").rows()) == expected
    assert set(built.ambiguous["label"]) == set(tiers) - set(expected)
