"""The file of scored rows that an evaluation writes: metrics computed from it are those that were printed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from rbio_kg.core.atomic_io import write_bytes
from rbio_kg.core.errors import EvaluationError


def write_scored_rows(
    path: Path,
    rows: pl.DataFrame,
    scores: ArrayLike,
    abstained: ArrayLike | None = None,
    *,
    folds: ArrayLike | None = None,
) -> None:
    """Write the rows of an evaluation with the very scores that its metrics use.

    Args:
        path: CSV, gzipped where the name ends in `.gz`, or Parquet; the same rows give the same bytes.
        rows: the measured rows, (n,), with `pert,gene,label,cell_line,task`.
        scores: (n,), finite; that of a row on which the predictor abstained is the one that stands in for it.
        abstained: whether the predictor itself gave no score, (n,); None: it scored every row.
        folds: fold of each row where scores are cross-validated. The per-gene AUROC then compares rows of one fold.

    Raises:
        EvaluationError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "scored.csv"
        >>> row = {"pert": "SP1", "gene": "TP53", "label": 1, "cell_line": "k562", "task": "de"}
        >>> rows = pl.DataFrame([row])
        >>> write_scored_rows(file, rows, [0.25], [True])
        >>> file.read_text()
        'pert,gene,cell_line,task,label,score,abstained\\nSP1,TP53,k562,de,1,0.25,1\\n'
    """
    frame = rows.select("pert", "gene", "cell_line", "task", "label").with_columns(
        score=pl.Series(np.asarray(scores, dtype=np.float64)),
        abstained=pl.lit(0) if abstained is None else pl.Series(np.asarray(abstained, dtype=np.int64)),
    )
    if folds is not None:
        frame = frame.with_columns(fold=pl.Series(np.asarray(folds, dtype=np.int64)))
    try:
        write_bytes(path, _content(path, frame))
    except OSError as error:
        raise EvaluationError(
            f"cannot be written ({error.strerror})", where=path, hint="choose another file"
        ) from error


def _content(path: Path, frame: pl.DataFrame) -> bytes:
    if path.suffix == ".parquet":
        import io

        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return buffer.getvalue()
    content = frame.write_csv().encode()
    return gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content
