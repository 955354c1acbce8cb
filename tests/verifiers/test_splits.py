"""Split schemes against obvious loops over the rows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import TrainingError
from rbio_kg.verifiers.splits import SPLIT_SCHEMES, divide, held_out_genes

LINES, PERTS, GENES = ("k562", "rpe1", "hepg2"), [f"P{i}" for i in range(5)], [f"G{i}" for i in range(6)]
SCHEMA = ["pert", "gene", "label", "split", "cell_line", "task"]

rows = st.lists(
    st.tuples(
        st.sampled_from(PERTS),
        st.sampled_from(GENES),
        st.integers(0, 1),
        st.sampled_from(["train", "test"]),
        st.sampled_from(LINES),
        st.sampled_from(["de", "dir"]),
    ),
    unique_by=lambda row: (row[0], row[1], row[4], row[5]),
    max_size=60,
)


def frame(found: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(found, schema=SCHEMA, orient="row", schema_overrides={"label": pl.Int64})


def reference(
    found: list[tuple[object, ...]], split_scheme: str, lines: tuple[str, ...], seed: int
) -> tuple[list, list]:
    """Row by row, from the rules."""
    apart = held_out_genes(GENES, seed)
    train, test = [], []
    for row in found:
        pert, gene, _, split, line, _ = row
        if split == "test":
            if line in lines and (split_scheme != "gene-disjoint" or gene in apart):
                test.append(row)
            continue
        held_anywhere = any(other[0] == pert and other[3] == "test" for other in found)
        forbidden = {
            "official": False,
            "global": held_anywhere,
            "leave-one-line-out": line in lines,
            "gene-disjoint": gene in apart,
        }
        if not forbidden[split_scheme]:
            train.append(row)
    return train, test


@given(
    found=rows,
    split_scheme=st.sampled_from(SPLIT_SCHEMES),
    lines=st.sampled_from([("k562",), LINES[:2]]),
    seed=st.integers(0, 9),
)
def test_a_division_follows_the_rules(
    found: list[tuple[object, ...]], split_scheme: str, lines: tuple[str, ...], seed: int
) -> None:
    train, test = reference(found, split_scheme, lines, seed)
    if not train:
        with pytest.raises(TrainingError, match="no train rows"):
            divide(frame(found), split_scheme, lines, seed=seed)
        return
    division = divide(frame(found), split_scheme, lines, seed=seed)
    assert division.train.rows() == train
    assert division.test.rows() == test


def test_one_line_may_be_named_without_a_list_and_none_means_all() -> None:
    questions = frame([("P0", "G0", 1, "train", "k562", "de"), ("P1", "G0", 1, "test", "rpe1", "de")])
    assert len(divide(questions, "official").test) == 1
    assert divide(questions, "official", "k562").test.is_empty()


def test_about_half_of_the_genes_are_held_out_and_another_seed_holds_out_others() -> None:
    genes = [f"GENE{i}" for i in range(4000)]
    halves = [held_out_genes(genes, seed) for seed in (0, 1)]
    assert all(1850 < len(half) < 2150 for half in halves)
    assert 800 < len({*halves[0]} & {*halves[1]}) < 1200
    assert held_out_genes(genes[:50], 0) == [gene for gene in halves[0] if int(gene[4:]) < 50]


def test_what_cannot_be_divided_is_reported() -> None:
    questions = frame([("P0", "G0", 1, "train", "k562", "de"), ("P0", "G0", 1, "test", "rpe1", "de")])
    with pytest.raises(TrainingError, match="known: official, global, leave-one-line-out, gene-disjoint"):
        divide(questions, "lenient")
    with pytest.raises(TrainingError, match="needs the cell line"):
        divide(questions, "leave-one-line-out")
    with pytest.raises(TrainingError, match="without k562 other cell lines must have train rows"):
        divide(questions, "leave-one-line-out", "k562")
    with pytest.raises(TrainingError, match="held out in some line"):
        divide(questions, "global", "k562")
