"""Predicted cells to a table of predictions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_bytes

if TYPE_CHECKING:
    from rbio_kg.training.data.screens.predicted import PredictedCells


def convert_cells(files: PredictedCells, out: Path) -> dict[str, Any]:
    """Write the table of `rbio_kg.training.data.screens.predicted`; CSV, or Parquet by the name's ending.

    Returns:
        `rows`, `perturbations`, `genes`, `out`.

    Raises:
        ConfigError: the extra `anndata` is not installed.
        SourceError: a file cannot be used.
    """
    from rbio_kg.training.data.screens.predicted import predicted_effects

    frame = predicted_effects(files)
    buffer = io.BytesIO()
    if out.suffix == ".parquet":
        frame.write_parquet(buffer)
    else:
        frame.write_csv(buffer)
    write_bytes(out, buffer.getvalue())
    counts = {"perturbations": frame["subject"].n_unique(), "genes": frame["object"].n_unique()}
    return {"rows": frame.height, **counts, "out": str(out)}
