"""Which column of a differential-expression table has which role, by the names that other programs use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rbio_kg.core.errors import SourceError

_NAMES: dict[str, str] = {
    "perturbation": "perturbation pert perturbedgene perturbationname geneperturbed target targetgene targetgenename "
    "guidetarget grnatarget knockdown knockout ko condition contrast comparison treatment group cluster",
    "gene": "gene genes genesymbol genename symbol hgncsymbol externalgenename feature featurename names variable "
    "readout object geneid ensemblgeneid ensemblid ensembl featureid id row rownames index unnamed0 target",
    "padj": "padj pvalsadj adjpvalue pvaladj adjpval padjust padjusted pvalueadj pvalueadjusted adjustedpvalue "
    "pvaladjusted adjp fdr fdrbh qvalue qval qvalues q bh",
    "pvalue": "pvalue pvals pval p pvalues rawp",
    "lfc": "log2foldchange logfoldchanges logfoldchange log2foldchanges avglog2fc log2fc logfc lfc avglogfc "
    "avglogfoldchange foldchange fc",
}
"""Role -> normalised column names, the likeliest first."""
NAMES = {role: tuple(names.split()) for role, names in _NAMES.items()}
RATIOS = frozenset(("foldchange", "fc"))
"""Names of columns that may hold ratios of means, as pdex and cell-eval write them, not logarithms."""
NATURAL = frozenset(("avglogfc",))
"""Names of columns with natural logarithms: Seurat before version 4."""
_PROGRAMS = {
    "scanpy": "names logfoldchanges pvalsadj",
    "pertpy": "variable logfc adjpvalue",
    "DESeq2": "basemean log2foldchange padj",
    "edgeR": "logfc logcpm fdr",
    "limma": "logfc aveexpr adjpval",
    "pdex or cell-eval": "target feature foldchange fdr",
    "Seurat": "avglog2fc pvaladj",
}
"""Program -> columns by which its tables are known."""
OPTIONS = {"perturbation": "--perturbation", "gene": "--gene", "padj": "--padj", "lfc": "--lfc"}
"""Role -> the option that names its column."""


def plain_name(column: str) -> str:
    """A column's name by letters and digits, in lower case.

    Example:
        >>> [plain_name(name) for name in ("adj.P.Val", "p_val_adj", "log2FoldChange")]
        ['adjpval', 'pvaladj', 'log2foldchange']
    """
    return re.sub(r"[\W_]", "", column).lower()


@dataclass(frozen=True)
class Columns:
    """The columns of a differential-expression table.

    Args:
        gene: of the readout gene.
        lfc: of the log fold change, or of the ratio of means.
        padj: of the adjusted p-value; None where only `pvalue` is there.
        pvalue: of the p-value, used where `padj` is None.
        perturbation: of the perturbed gene; None where the file's name states it.
        program: the program that writes such a table, if it is known.
    """

    gene: str
    lfc: str
    padj: str | None = None
    pvalue: str | None = None
    perturbation: str | None = None
    program: str | None = None

    def __str__(self) -> str:
        p = f"adjusted p-value {self.padj!r}" if self.padj is not None else f"p-value {self.pvalue!r} (to be adjusted)"
        pert = "the file's name" if self.perturbation is None else repr(self.perturbation)
        program = f" (as {self.program} writes them)" if self.program else ""
        return f"columns: perturbation {pert}, gene {self.gene!r}, {p}, fold change {self.lfc!r}{program}"

    def to_json(self) -> dict[str, str | None]:
        """Role -> column."""
        return {
            "perturbation": self.perturbation,
            "gene": self.gene,
            "padj": self.padj,
            "pvalue": None if self.padj is not None else self.pvalue,
            "lfc": self.lfc,
            "program": self.program,
        }


@dataclass(frozen=True)
class ColumnNames:
    """The columns that a user names; None is guessed.

    Args:
        perturbation: of the perturbed gene.
        gene: of the readout gene.
        padj: of the adjusted p-value.
        lfc: of the log fold change.
    """

    perturbation: str | None = None
    gene: str | None = None
    padj: str | None = None
    lfc: str | None = None


def find_columns(
    header: Sequence[str], chosen: ColumnNames, where: str | Path, *, needs_perturbation: bool = True
) -> Columns:
    """The columns of each role, those that are not chosen by common names.

    Args:
        header: the table's columns.
        chosen: what the user named.
        where: the table's name, for messages.
        needs_perturbation: False where the file's name can state the perturbation.

    Raises:
        SourceError: a column is not there, or none has a name that is known for its role.

    Example:
        >>> find_columns(["target", "feature", "fold_change", "fdr"], ColumnNames(), "de.csv").program
        'pdex or cell-eval'
    """
    given = {role: getattr(chosen, role) for role in OPTIONS}
    for role, column in given.items():
        if column is not None and column not in header:
            raise SourceError(
                f"the table has no column {column!r}",
                where=where,
                hint=f"its columns are {_shown(header)}; {OPTIONS[role]} names one of them",
            )
    used = {column for column in given.values() if column is not None}
    found: dict[str, str | None] = {}
    for role in ("perturbation", "padj", "pvalue", "lfc", "gene"):
        found[role] = given.get(role) or _guessed(header, role, used)
        used |= {column for column in (found[role],) if column is not None}
    if found["gene"] is None and header and header[0] not in used and not header[0].strip():
        found["gene"] = header[0]  # row names of R and pandas
    lost = [role for role in ("gene", "lfc") if found[role] is None]
    if found["padj"] is None and found["pvalue"] is None:
        lost.append("padj")
    if needs_perturbation and found["perturbation"] is None:
        lost.append("perturbation")
    if lost:
        raise SourceError(
            "no column has a name that is known for " + ", ".join(_CALLED[role] for role in lost),
            where=where,
            hint=f"its columns are {_shown(header)}; name them with {', '.join(OPTIONS[role] for role in lost)}",
        )
    known = {plain_name(column) for column in header}
    program = next((name for name, columns in _PROGRAMS.items() if known >= set(columns.split())), None)
    return Columns(
        str(found["gene"]), str(found["lfc"]), found["padj"], found["pvalue"], found["perturbation"], program
    )


_CALLED = {
    "perturbation": "the perturbation",
    "gene": "the gene",
    "padj": "the adjusted p-value",
    "lfc": "the log fold change",
}


def _guessed(header: Sequence[str], role: str, used: set[str]) -> str | None:
    free = {plain_name(column): column for column in reversed(header) if column not in used and column.strip()}
    return next((free[name] for name in NAMES[role] if name in free), None)


def _shown(header: Sequence[str]) -> str:
    return ", ".join(repr(column) for column in header[:20]) + (", ..." if len(header) > 20 else "")
