"""Questions files: whatever their names are written like, the same questions; contradictions with both positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from rbio_kg.core.errors import EvaluationError, SelectionError, SourceError
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.training.data.perturbqa_csv import checked_line, read_question_file, read_question_files
from tests.support.graphs import small_tables

SPELLINGS: dict[str, Callable[[int], str]] = {
    "symbol": lambda i: f"GENE{i:03d}",
    "lower": lambda i: f"gene{i:03d}",
    "mouse": lambda i: f"Gene{i:03d}",
    "alias": lambda i: f"ALIAS{i}",
    "alias in lower case": lambda i: f"alias{i}",
    "previous": lambda i: f"OLD{i}",
    "number": lambda i: str(5000 + i),
    "prefixed number": lambda i: f"GeneID:{5000 + i}",
    "blank behind": lambda i: f"GENE{i:03d} ",
}
PAIRS = [(1, 2, 1, "train"), (1, 3, 0, "train"), (4, 2, 0, "train"), (5, 2, 1, "test"), (6, 3, 0, "test")]


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    return small_tables(seed=8, genes=12)


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["pert,gene,label,split", *rows]) + "\n")
    return path


def spelled(write: Callable[[int], str], gene: Callable[[int], str] = SPELLINGS["symbol"]) -> list[str]:
    return [f"{write(pert)},{gene(monitored)},{label},{split}" for pert, monitored, label, split in PAIRS]


@pytest.mark.parametrize("pert", SPELLINGS)
@pytest.mark.parametrize("gene", ["symbol", "lower", "previous", "number"])
def test_every_spelling_gives_the_same_questions(tables: GraphTables, tmp_path: Path, pert: str, gene: str) -> None:
    expected = read_question_file(written(tmp_path / "a-de.csv", *spelled(SPELLINGS["symbol"])), "de", "k562", tables)
    file = written(tmp_path / "b-de.csv", *spelled(SPELLINGS[pert], SPELLINGS[gene]))
    found = read_question_file(file, "de", "K-562", tables)
    assert found.frame.equals(expected.frame) and found.cell_line == "k562"
    assert found.names is not None and found.names.rows == 0


@pytest.mark.parametrize(
    ("name", "kind", "suggested"),
    [
        ("GENE001_sgRNA2", "guide", True),
        ("sgGENE001", "guide", True),
        ("GENE001+ctrl", "combination", True),
        ("GENE001-1", "mangled", True),
        ("GENE001.2", "mangled", True),
        ("hg38_GENE001", "mangled", True),
        ("non-targeting", "control", False),
        ("NegCtrl3", "control", False),
        ("nan", "missing", False),
        ("GENE001+GENE002", "combination", False),
        ("ENSG00000999999", "identifier", False),
        ("2-Sep", "date", False),
        ("NOSUCH", "unknown", False),
    ],
)
def test_names_that_are_no_gene(tables: GraphTables, tmp_path: Path, name: str, kind: str, suggested: bool) -> None:
    good = [f"GENE00{pert},GENE01{gene},0,train" for pert in range(1, 10) for gene in (0, 1)]
    file = written(tmp_path / "k562-de.csv", *good, f"{name},GENE002,1,train")
    found = read_question_file(file, None, None, tables)
    assert found.names is not None and found.names.to_json() == {kind: 1}
    assert found.names.names[0].line == 20
    kept = found.frame["pert"].to_list()
    assert (name in kept) == (kind not in ("control", "missing"))
    taken = read_question_file(file, None, None, tables, NameRules(accept=True))
    assert taken.names is not None and taken.names.applied == int(suggested)
    assert ("GENE001,GENE002" in taken.frame.select(pl.concat_str("pert", "gene", separator=","))[:, 0]) == suggested
    every = written(tmp_path / "rpe1-de.csv", *good[:3], f"{name},GENE002,1,train")
    with pytest.raises(SelectionError, match="1 of 4 rows name no gene of this graph, more than 20%"):
        read_question_file(every, None, None, tables)
    assert read_question_file(every, None, None, tables, NameRules(most=0.3)).names is not None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("GENE001,GENE002,1,train", "OLD1,GENE002,0,train"), "line 3: .* line 2 .*another label"),
        (("GENE001,GENE002,1,train", "GENE001,alias2,1,test"), "line 3: .* line 2 .*another split"),
        (("5001,GENE002,1,train", "GENE003,GENE002,1,train", "gene001,5002,0,train"), "line 4: .* line 2 .*label"),
    ],
)
def test_names_of_one_pair_that_contradict(
    tables: GraphTables, tmp_path: Path, rows: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read_question_file(written(tmp_path / "k562-de.csv", *rows), None, None, tables)


def test_names_of_one_pair_that_agree_are_one_question(tables: GraphTables, tmp_path: Path) -> None:
    file = written(tmp_path / "k562-de.csv", "GENE001,GENE002,1,train", "old1,ALIAS2,1,train", "5001,5002,1,train")
    assert read_question_file(file, None, None, tables).frame.select("pert", "gene").rows() == [("GENE001", "GENE002")]


def test_two_files_of_one_line(tables: GraphTables, tmp_path: Path) -> None:
    one = written(tmp_path / "K562-de.csv", "GENE001,GENE002,1,train", "GENE003,GENE002,0,train")
    two = written(tmp_path / "k562-de.csv.csv", "OLD1,GENE002,1,train", "GENE004,GENE002,0,test")
    two = two.rename(tmp_path / "k-562-de.csv")
    frame, names = read_question_files([one, two], tables)
    assert frame["pert"].to_list() == ["GENE001", "GENE003", "GENE004"] and len(names) == 2
    assert frame["cell_line"].unique().to_list() == ["k562"]
    written(two, "OLD1,GENE002,0,train")
    with pytest.raises(SourceError, match=r"k-562-de\.csv, line 2: the row of .*K562-de\.csv, line 2 .*another label"):
        read_question_files([one, two], tables)


@pytest.mark.parametrize("name", ["", "--", "__", "x" * 81])
def test_a_line_needs_letters_or_digits(name: str) -> None:
    with pytest.raises(EvaluationError, match="letters and digits"):
        checked_line(name)
