from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.errors import SelectionError, SourceError
from rbio_kg.graph.identity.duplicates import merge_duplicates
from rbio_kg.graph.identity.gene_names import LABELS, GeneNames
from rbio_kg.graph.identity.unrecognised import recognise

_ROWS = [
    ("TP53", "TP53", "approved"),
    ("p53", "TP53", "alias"),
    ("MDM2", "MDM2", "approved"),
    ("HLA-A", "HLA-A", "approved"),
    ("ENSG00000141510", "TP53", "ensembl"),
]
NAMES = GeneNames.of(pl.DataFrame(_ROWS, schema=LABELS, orient="row"))


def pairs(*rows: tuple[str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"pert": pl.String, "gene": pl.String}, orient="row").with_columns(
        line=pl.int_range(2, pl.len() + 2)
    )


TABLE = pairs(
    ("p53", "mdm2"),
    ("TP53_sg1", "MDM2"),
    ("ENSG00000141510.2", "HLA.A"),
    ("ctrl", "HLA.A"),
    (None, "nothing"),
    ("MDM2", "TP53"),
)


def test_recognised_names_become_symbols_and_others_stay() -> None:
    found, report = recognise(TABLE, NAMES, ("pert", "gene"), "q.csv")
    assert found["pert"].to_list() == ["TP53", "TP53_sg1", "TP53", "ctrl", None, "MDM2"]
    assert found["gene"].to_list() == ["MDM2", "MDM2", "HLA.A", "HLA.A", "nothing", "TP53"]
    assert (report.rows, report.total, report.applied) == (4, 6, 0)
    assert report.to_json() == {"missing": 1, "control": 1, "guide": 1, "mangled": 2, "unknown": 1}
    first = report.names[0]
    assert (first.label, first.column, first.rows, first.line, first.candidates) == ("HLA.A", "gene", 2, 4, ("HLA-A",))
    (remark,) = report.remarks()
    assert remark.startswith("warning: q.csv: 4 of 6 rows name no gene of this graph (")
    assert "1 guides or treatments, such as 'TP53_sg1' (line 3: TP53?)" in remark


def test_suggestions_are_taken_on_demand_only() -> None:
    found, report = recognise(TABLE, NAMES, ("pert", "gene"), "q.csv", accept=True)
    assert found["pert"].to_list() == ["TP53", "TP53", "TP53", "ctrl", None, "MDM2"]
    assert found["gene"].to_list() == ["MDM2", "MDM2", "HLA-A", "HLA-A", "nothing", "TP53"]
    assert (report.rows, report.applied) == (2, 3)
    assert report.remarks()[1] == "q.csv: suggested genes were taken in 3 of 6 rows"


@pytest.mark.parametrize(("most", "refused"), [(0.0, True), (0.66, True), (0.67, False), (1.0, False)])
def test_too_many_are_refused(most: float, refused: bool) -> None:
    _, report = recognise(TABLE, NAMES, ("pert", "gene"), "q.csv")
    if not refused:
        report.check(most)
        return
    with pytest.raises(SelectionError, match="4 of 6 rows name no gene") as caught:
        report.check(most)
    assert caught.value.where == "q.csv" and "--accept-suggestions" in caught.value.hint


def test_a_table_whose_name_has_brackets_is_refused_by_its_counts() -> None:
    _, report = recognise(TABLE, NAMES, ("pert", "gene"), "mine (1).csv")
    with pytest.raises(SelectionError, match=r"^mine \(1\)\.csv: 4 of 6 rows name no gene .* \(1 without a name"):
        report.check()
    assert str(report) == f"mine (1).csv: {report.counts}"


@pytest.mark.parametrize(
    ("columns", "kinds", "rows"),
    [
        (("pert", "gene"), ["control"], [3]),
        (("pert", "gene"), ["missing"], [4]),
        (("gene",), ["control", "missing"], []),
        (("pert", "gene"), ["mangled", "guide"], [1, 2, 3]),
    ],
)
def test_rows_with_a_name_of_a_kind(columns: tuple[str, ...], kinds: list[str], rows: list[int]) -> None:
    found, report = recognise(TABLE, NAMES, ("pert", "gene"), "q.csv")
    assert found.with_row_index().filter(report.stands(columns, kinds))["index"].to_list() == rows


@given(
    st.lists(st.tuples(st.sampled_from(["p53", "TP53", "x", "ctrl", None]), st.sampled_from(["MDM2", "y", "2-Sep"])))
)
def test_every_row_is_accounted_for(rows: list[tuple[str | None, str]]) -> None:
    frame = pairs(*rows)
    found, report = recognise(frame, NAMES, ("pert", "gene"), "t")
    bad = [(pert not in ("p53", "TP53"), gene != "MDM2") for pert, gene in rows]
    assert report.rows == sum(a or b for a, b in bad)
    assert sum(name.rows for name in report.names) == sum(a + b for a, b in bad)
    assert found.height == frame.height and found["line"].equals(frame["line"])


def placed(*rows: tuple[str, str, int, str, str]) -> pl.DataFrame:
    columns = ["given", "pair", "label", "split", "file"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(line=pl.int_range(2, pl.len() + 2))


def test_rows_of_one_question_that_agree_are_one() -> None:
    frame = placed(("TP53", "a", 1, "train", "x"), ("p53", "a", 1, "train", "y"), ("MDM2", "b", 0, "test", "y"))
    assert merge_duplicates(frame, ["pair"], ["label", "split"])["given"].to_list() == ["TP53", "MDM2"]


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (
            ("p53", "a", 0, "train", "x"),
            r"x, line 3: .* line 2 .*\(TP53 and p53\) with another label: 1 there, 0 here",
        ),
        (("p53", "a", 1, "test", "x"), r"another split: train there, test here"),
        (("p53", "a", 0, "train", "y"), r"y, line 3: the row of x, line 2 is the same question"),
        (("TP53", "a", 0, "train", "y"), r"is the same question with another label"),
    ],
)
def test_rows_that_contradict_are_refused_with_both_places(later: tuple[str, str, int, str, str], message: str) -> None:
    frame = placed(("TP53", "a", 1, "train", "x"), later)
    with pytest.raises(SourceError, match=message):
        merge_duplicates(frame, ["pair"], ["label", "split"], given=["given"])
