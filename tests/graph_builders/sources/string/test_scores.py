from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.graph.schema.schema import STRING_CHANNELS
from rbio_kg.graph_builders.sources.string.scores import PRIOR, TRANSFERRED, both, combined

COLUMNS = (
    *("neighborhood", "neighborhood_transferred", "fusion", "cooccurence", "homology"),
    *("coexpression", "coexpression_transferred", "experiments", "experiments_transferred"),
    *("database", "database_transferred", "textmining", "textmining_transferred", "combined_score"),
)
# Rows of STRING 10.5 for yeast, among them homologs and text mining alone.
REAL = """\
0 0 0 0 0 0 0 0 0 0 0 343 0 343
0 0 0 0 0 0 0 0 0 0 0 419 0 418
0 0 0 0 0 0 0 0 0 0 0 154 0 153
0 0 0 0 0 0 0 0 0 0 0 175 0 175
0 0 0 0 0 0 0 0 0 0 0 900 0 900
0 0 0 527 989 912 0 652 0 900 0 923 0 996
0 0 0 0 0 0 152 0 0 0 0 127 102 277
0 321 0 403 0 0 409 41 668 0 517 349 295 977
"""


def table(rows: list[list[int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.Int16), orient="row")


def slow(row: dict[str, int], channels: tuple[str, ...]) -> int:
    """The published steps for one row, in plain Python."""

    def without_prior(score: int) -> float:
        share = score / 1000
        return (max(share, PRIOR) - PRIOR) / (1 - PRIOR)

    nothing = 1.0
    for name in channels:
        evidence = without_prior(row[name])
        if f"{name}_transferred" in row:
            evidence = 1 - (1 - evidence) * (1 - without_prior(row[f"{name}_transferred"]))
        if name in ("cooccurence", "textmining"):
            evidence = evidence * (1 - row["homology"] / 1000)
        nothing = nothing * (1 - evidence)
    score = (1 - nothing) * (1 - PRIOR)
    score += PRIOR
    return int(score * 1000)


def test_rows_of_string_itself() -> None:
    rows = table([[int(cell) for cell in line.split()] for line in REAL.splitlines()])
    assert combined(rows).tolist() == rows["combined_score"].to_list()


@given(
    st.lists(st.lists(st.integers(0, 1000), min_size=14, max_size=14), min_size=1, max_size=20),
    st.sets(st.sampled_from(STRING_CHANNELS)),
)
def test_against_a_slow_reference(rows: list[list[int]], left_out: set[str]) -> None:
    frame = table(rows)
    channels = tuple(name for name in STRING_CHANNELS if name not in left_out)
    expected = [slow(row, channels) for row in frame.iter_rows(named=True)]
    assert combined(frame, channels).tolist() == expected
    assert set(TRANSFERRED) == {name.removesuffix("_transferred") for name in COLUMNS if name.endswith("_transferred")}


def test_no_evidence_is_the_prior() -> None:
    assert combined(table([[0] * 14, [41] * 14, [1000] * 14])).tolist() == [41, 41, 1000]


def test_direct_and_transferred() -> None:
    frame = pl.DataFrame({"a": [0, 500, 500, 30], "b": [300, 0, 300, 40]}, schema={"a": pl.Int16, "b": pl.Int16})
    found = frame.select(found=both(pl.col("a"), pl.col("b")))["found"].to_list()
    assert found == [300, 500, int(1000 * (1 - (500 / 959) * (700 / 959)) * 0.959 + 41), 40]


def test_the_files_own_scores(shared: Path) -> None:
    """Every row that has channels; where only "at least 800" is known of the whole, the channels may give less."""
    links = pl.read_csv(
        shared / "sources/string/9606.protein.links.full.v12.0.txt.gz",
        separator=" ",
        schema_overrides=dict.fromkeys(COLUMNS, pl.Int16),
    )
    evidence = [name for name in COLUMNS if name not in ("homology", "combined_score")]
    links = links.filter(pl.any_horizontal(pl.col(evidence) > 0))
    found, given_scores = combined(links), links["combined_score"].to_numpy()
    floor = given_scores == 800
    np.testing.assert_array_equal(found[~floor], given_scores[~floor])
    assert (~floor).sum() == 298_810
    assert (found[floor] <= 800).all()
