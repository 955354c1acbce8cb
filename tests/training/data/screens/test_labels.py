"""Labels, splits and negatives: each row of a table ends in one place."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rbio_kg.core.errors import ConfigError, SelectionError, SourceError
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.training.data.screens.labels import LabelledRows, LabelRules, label_rows
from rbio_kg.training.data.screens.table import SCHEMA
from tests.support.screens import GENES, PERTS, effects, gene_names

ANY = NameRules(most=1.0)
NAMES = gene_names()
LINE = pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("line")


def labelled(rows: pl.DataFrame, names: NameRules = ANY, **rules: Any) -> LabelledRows:
    return label_rows(rows.with_columns(LINE), NAMES, "de.csv", LabelRules(**rules), names)


def extra(*rows: tuple[str | None, str | None, float | None, float | None]) -> pl.DataFrame:
    schema = {name: kind for name, kind in SCHEMA.items() if name != "line"}
    return pl.concat([effects(), pl.DataFrame(list(rows), schema=schema, orient="row")])


def test_the_thresholds_make_the_labels() -> None:
    rows = effects()
    found = labelled(rows)
    truth = {(p, g): (padj, lfc) for p, g, padj, lfc in rows.rows()}
    for pert, gene, label, _ in found.de.rows():
        padj, lfc = truth[pert, gene]
        assert (padj <= 0.05 and abs(lfc) >= 0.25) if label else padj >= 0.5
    for pert, gene, label, _ in found.dir.rows():
        assert label == (truth[pert, gene][1] > 0)
    assert found.dir.height == found.de["label"].sum()
    between = rows.filter(pl.col("padj").is_between(0.05, 0.5, closed="none")).height
    assert (found.ambiguous, found.de.height, found.set_aside) == (between, rows.height - between, {})


def test_a_small_change_with_a_small_p_value_is_ambiguous() -> None:
    assert labelled(extra(("SP1", "MDM2", 0.001, 0.1))).ambiguous == labelled(effects()).ambiguous + 1
    strict = labelled(effects(), min_abs_lfc=1.0)
    assert strict.de["label"].sum() < labelled(effects()).de["label"].sum()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_the_split_is_by_perturbation(share: float) -> None:
    found = labelled(effects(), test_share=share)
    splits = found.de.group_by("pert").agg(pl.col("split").n_unique(), pl.col("split").first().alias("of"))
    assert splits["split"].max() == 1
    assert splits.filter(pl.col("of") == "test").height == round(share * len(PERTS))
    assert set(found.dir.select("pert", "split").rows()) <= set(found.de.select("pert", "split").rows())


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    first = labelled(effects(), negatives_per_positive=1, seed=3)
    again = labelled(effects().sample(fraction=1.0, shuffle=True, seed=1), negatives_per_positive=1, seed=3)
    assert_frame_equal(first.de, again.de)
    splits = {tuple(labelled(effects(), seed=seed).de["split"]) for seed in range(6)}
    assert len(splits) > 1


@pytest.mark.parametrize("most", [0.0, 0.5, 1.0, 2.0])
def test_negatives_are_drawn_for_each_gene_and_split(most: float) -> None:
    rows = effects(genes=GENES, perts=PERTS, seed=4)
    found = labelled(rows, negatives_per_positive=most)
    everything = labelled(rows)
    assert found.dir.height == everything.dir.height
    for _, group in found.de.group_by("gene", "split"):
        positives = group["label"].sum()
        assert group.height - positives <= round(most * positives)
    assert found.set_aside.get("not_drawn", 0) == everything.de.height - found.de.height


REASONS = [
    (("non-targeting", "TP53", 0.9, 0.0), "control"),
    (("TP53+MDM2", "EXO1", 0.9, 0.0), "combination"),
    (("SP1_sgRNA2", "TP53", 0.9, 0.0), "guide"),
    (("2-Sep", "TP53", 0.9, 0.0), "date"),
    (("HLA.A", "TP53", 0.9, 0.0), "mangled"),
    (("NOVEL9", "TP53", 0.9, 0.0), "unknown"),
    (("SP1", "AC000001.2", 0.9, 0.0), "unknown"),
    (("SP1", "ENSG00000999999", 0.9, 0.0), "identifier"),
    (("nan", "TP53", 0.9, 0.0), "missing"),
    ((None, "TP53", 0.9, 0.0), "missing"),
    (("SP1", "MDM2", None, 0.0), "missing"),
    (("SP1", "MDM2", 0.9, None), "missing"),
    (("SP1", "SP1", 0.001, -3.0), "same_gene"),
    (("SP1", "p53", None, None), "missing"),
    (("SEPT2", "SEPTIN2", 0.9, 0.0), "same_gene"),
]


@pytest.mark.parametrize(("row", "reason"), REASONS)
def test_rows_that_are_no_questions_are_counted_by_reason(row: Any, reason: str) -> None:
    found = labelled(extra(row))
    assert found.set_aside == {reason: 1}
    assert_frame_equal(found.de, labelled(effects()).de)


def test_all_reasons_together() -> None:
    found = labelled(extra(*(row for row, _ in REASONS)))
    assert sum(found.set_aside.values()) == len(REASONS)
    assert set(found.set_aside) == {reason for _, reason in REASONS}


def test_suggestions_are_taken_on_request() -> None:
    rows = effects().with_columns(pl.col("pert").replace({"SP1": "SP1_sgRNA2", "HLA-A": "HLA.A", "SEPTIN2": "2-Sep"}))
    with pytest.raises(SelectionError, match="--accept-suggestions"):
        labelled(rows, NameRules())
    found = labelled(rows, NameRules(accept=True))
    assert_frame_equal(found.de, labelled(effects()).de)
    assert found.names is not None
    assert found.names.applied == 3 * len(GENES)


def test_one_pair_under_two_names_is_one_question() -> None:
    first = effects().filter(pl.col("gene") == "TP53").row(0, named=True)
    twice = labelled(extra((first["pert"], "p53", first["padj"], first["lfc"])))
    assert_frame_equal(twice.de, labelled(effects()).de)
    changed = effects().filter(pl.col("padj") < 0.01).row(0, named=True)
    other = labelled(extra((changed["pert"], changed["gene"], 0.9, 0.0)))
    assert other.set_aside == {"contradictory": 2}
    opposite = labelled(extra((changed["pert"], changed["gene"], 0.001, -changed["lfc"])))
    assert opposite.set_aside == {"contradictory": 2}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*PERTS, "ctrl", "SP1+MDM2", "nan", "sgSP1", "QQQ7"]),
            st.sampled_from([*GENES, "p53", "SP1", "ZZZ9", ""]),
            st.sampled_from([0.0, 0.05, 0.2, 0.5, 1.0, None]),
            st.sampled_from([-2.0, -0.25, 0.0, 0.1, 1.0, None]),
        ),
        max_size=40,
    ),
    st.sampled_from([None, 0.5, 3.0]),
    st.booleans(),
)
def test_no_row_is_lost_or_counted_twice(rows: list[Any], negatives: float | None, accept: bool) -> None:
    table = extra(*rows)
    try:
        found = labelled(table, NameRules(accept=accept, most=1.0), negatives_per_positive=negatives)
    except SourceError:
        return
    assert found.de.height + found.ambiguous + sum(found.set_aside.values()) == table.height
    assert found.de.select("pert", "gene").is_unique().all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (effects().with_columns(padj=pl.lit(0.001), lfc=pl.lit(1.0)), "have label 1.*n_genes=None"),
        (effects().with_columns(padj=pl.lit(0.9)), "have label 0.*--max-padj"),
        (effects().with_columns(padj=pl.lit(0.2)), "no question is left.*between the thresholds"),
        (effects(perts=("SP1",)), "one perturbation, SP1.*--test-share"),
        (effects().clear(), "no rows"),
    ],
)
def test_tables_without_questions_are_refused(rows: pl.DataFrame, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        labelled(rows)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"max_padj": 1.5}, "--max-padj"),
        ({"test_share": -0.1}, "--test-share"),
        ({"min_abs_lfc": -1.0}, "--min-abs-lfc"),
        ({"negatives_per_positive": -1.0}, "--negatives-per-positive"),
        ({"ambiguous_padj": 0.01}, "--ambiguous-padj"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LabelRules(**setting)  # type: ignore[arg-type]
