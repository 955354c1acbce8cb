"""Questions from a single-cell perturbation screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rbio_kg.core.errors import SourceError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.services.screens.result import ScreenOutput, ScreenQuestions, ScreenSource, check_outputs, write_screen

if TYPE_CHECKING:
    from rbio_kg.graph.identity.gene_names import GeneNames
    from rbio_kg.graph.identity.rules import NameRules
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.training.data.screens.cells import CellOptions
    from rbio_kg.training.data.screens.h5ad import CellFile
    from rbio_kg.training.data.screens.labels import LabelRules

SOFTWARE = ("anndata", "scanpy", "pydeseq2", "h5py", "polars", "numpy", "scipy", "pandas", "statsmodels")


def questions_from_h5ad(
    workspace: WorkspaceBase,
    path: Path,
    output: ScreenOutput | None = None,
    rules: LabelRules | None = None,
    options: CellOptions | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> ScreenQuestions:
    """Make questions from the cells of an h5ad file, read in blocks.

    Args:
        workspace: the graph, whose names are used.
        path: the file.
        output: files to write, cell line, handling of names.
        rules: thresholds, split and negatives.
        options: how cells are found and compared.
        say: called with what was found in the file before work starts.
        progress: called with a message and the finished share.

    Raises:
        ConfigError: the extra `anndata` is not installed, or a setting is out of range.
        SourceError: the file is unusable, or gives no questions.
        SelectionError: too many names are not recognised.
    """
    from rbio_kg.training.data.screens.h5ad import CellFile, need_extra
    from rbio_kg.training.data.screens.labels import LabelRules, label_rows

    rules, output = rules or LabelRules(), output or ScreenOutput()
    check_outputs(output)
    from rbio_kg.graph.identity.gene_names import GeneNames
    from rbio_kg.training.data.screens.cells import CellOptions, find_cells

    options = options or CellOptions()
    need_extra(options.method)
    names = GeneNames.of_tables(workspace.tables)
    path = Path(path)
    set_aside: dict[str, int] = {}
    with CellFile(path, options.layer, memory=options.batch_bytes) as file:
        cells = find_cells(file, options, names, output.names, path)
        column, genes = _genes(file, options, names, output.names)
        kind = {"counts": "counts", "log": "logarithms, taken as they are", "normalised": "normalised values"}
        found = [
            f"{file.matrix.rows:,} cells, {file.matrix.columns:,} genes named by {column!r}; {file.matrix.place} holds "
            f"{kind[file.matrix.kind]}",
            f"{len(cells.perturbed):,} perturbations in {cells.key!r}, {len(cells.control):,} control cells "
            f"({', '.join(cells.control_labels[:5])})",
        ]
        if options.method == "pseudobulk":
            found.append(f"replicates in {cells.replicate_key!r}")
        for text in (*found, *cells.names.remarks()):
            say(text)
        if options.method == "pseudobulk":
            from rbio_kg.training.data.screens.pseudobulk import pseudobulk

            rows, set_aside = pseudobulk(file, cells, genes, options, progress=progress)
        else:
            from rbio_kg.training.data.screens.wilcoxon import wilcoxon

            rows = wilcoxon(file, cells, genes, options, seed=rules.seed, progress=progress)
    left_out = {**cells.set_aside, **set_aside}
    settings = {
        **asdict(options),
        "perturbation_key": cells.key,
        "control": list(cells.control_labels),
        "control_cells": len(cells.control),
        "replicate_key": cells.replicate_key,
        "matrix": file.matrix.place,
        "values": file.matrix.kind,
        "genes": column,
        "shape": [file.matrix.rows, file.matrix.columns],
    }
    progress(f"labelling {rows.height:,} rows", None)
    labelled = label_rows(rows, names, f"{path}, genes", rules, output.names)
    source = ScreenSource("from-h5ad", [path], rows.height, settings, SOFTWARE)
    compared = cells.compared - sum(set_aside.values())
    extra = {"cells": compared, "set_aside_cells": left_out}
    return write_screen(workspace, labelled, source, rules, output, remarks=cells.names.remarks(), extra=extra)


def _genes(file: CellFile, options: CellOptions, names: GeneNames, rules: NameRules) -> tuple[str, list[str]]:
    """The column of `var` that names most genes of the graph, and the names in it.

    Raises:
        SelectionError: too many are not recognised.
        SourceError: the table and the matrix differ in their number of genes.
    """
    import polars as pl

    from rbio_kg.graph.identity.unrecognised import recognise
    from rbio_kg.training.data.screens.columns import plain_name
    from rbio_kg.training.data.screens.presets import preset_named

    where = file.genes_table
    wanted = {plain_name(name) for name in preset_named(options.preset).genes}
    there = [column for column in file.columns(where) if plain_name(column) in wanted]
    table = file.table(where, columns=there)
    if table.height != file.matrix.columns:
        raise SourceError(
            f"{where} has {table.height} genes and {file.matrix.place} {file.matrix.columns}",
            where=file.path,
            hint="write the file again with anndata",
        )
    known = {column: names.symbols(table[column]).null_count() for column in ["index", *there]}
    column = min(known, key=lambda name: known[name])
    _, report = recognise(table.select(pl.col(column)), names, (column,), f"{file.path}, genes", accept=rules.accept)
    report.check(rules.most)
    return column, [name or "" for name in table[column].to_list()]
