"""Columns are found under the names of other programs, or as they are named."""

from __future__ import annotations

import pytest

from rbio_kg.core.errors import SourceError
from rbio_kg.training.data.screens.columns import ColumnNames, find_columns
from tests.support.screens import PROGRAMS, effects


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_columns_of_each_program_are_known(program: str) -> None:
    table = PROGRAMS[program](effects())
    found = find_columns(table.columns, ColumnNames(), "de.csv")
    assert found.program == program
    rows = table.rename({found.gene: "readout"})
    assert set(rows["readout"]) <= {f"{gene}{end}" for gene in effects()["gene"] for end in ("", ".1")}
    assert found.padj is not None
    assert table[found.padj].to_list() == effects()["padj"].to_list()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["perturbation", "target", "log2fc", "qval"], ("perturbation", "target")),
        (["target", "gene", "log2fc", "qval"], ("target", "gene")),
        (["target_gene", "gene_name", "gene_id", "log2fc", "q_value"], ("target_gene", "gene_name")),
        (["pert", "gene", "lfc", "p"], ("pert", "gene")),
        (["Perturbed Gene", "Gene", "logFC", "FDR"], ("Perturbed Gene", "Gene")),
    ],
)
def test_the_likeliest_of_several_columns_is_taken(header: list[str], expected: tuple[str, str]) -> None:
    found = find_columns(header, ColumnNames(), "de.csv")
    assert (found.perturbation, found.gene) == expected


def test_named_columns_win() -> None:
    header = ["pert", "guide", "gene", "padj", "lfc"]
    found = find_columns(header, ColumnNames(perturbation="guide", gene="pert"), "de.csv")
    assert (found.perturbation, found.gene, found.padj, found.lfc) == ("guide", "pert", "padj", "lfc")


@pytest.mark.parametrize(
    ("header", "chosen", "message"),
    [
        (["a", "b"], ColumnNames(), "the gene, the log fold change, the adjusted p-value, the perturbation"),
        (["gene", "padj", "lfc"], ColumnNames(), "known for the perturbation.*--perturbation"),
        (["pert", "gene", "padj", "lfc"], ColumnNames(lfc="logFC"), "no column 'logFC'.*'padj', 'lfc'.*--lfc"),
        (["pert", "gene", "lfc"], ColumnNames(), "adjusted p-value.*--padj"),
    ],
)
def test_what_is_not_found_is_named(header: list[str], chosen: ColumnNames, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        find_columns(header, chosen, "de.csv")
