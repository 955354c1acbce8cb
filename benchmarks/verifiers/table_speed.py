"""Speed of the table verifier: seconds to read, calibrate and open a million predictions, and claims scored a second.

python -m benchmarks.verifiers.table_speed
python -m benchmarks.verifiers.table_speed --workspace workspace --rows 1000000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from rbio_kg.core.claims import Claim
from rbio_kg.verifiers.table.fit import TableSource, fit_table
from rbio_kg.verifiers.table.rows import FileOptions, read_predictions
from rbio_kg.verifiers.table.verifier import TableVerifier
from rbio_kg.workspace import Workspace

REPEATS = 5


def predictions(symbols: list[str], rows: int, line: str, seed: int = 0) -> pl.DataFrame:
    """Random scores of different pairs of genes, in a cell line and in as many others as the rows need."""
    rng = np.random.default_rng(seed)
    names = pl.Series(symbols)
    size, parts, left = len(symbols), list[pl.DataFrame](), rows
    while left > 0:
        chosen = rng.permutation(size * size)
        chosen = chosen[chosen // size != chosen % size][:left]
        part = pl.DataFrame({"pert": names.gather(chosen // size), "gene": names.gather(chosen % size)})
        called = line if not parts else f"line{len(parts)}"
        parts.append(part.with_columns(pl.Series("score", rng.random(len(chosen))), cell_line=pl.lit(called)))
        left -= len(chosen)
    return pl.concat(parts)


def measure(workspace: Workspace, rows: int, folder: Path, ending: str) -> dict[str, float]:
    """Seconds of each stage, and claims scored a second, by the clock and by processor time (medians of `REPEATS`)."""
    tables = workspace.tables
    frame = predictions(tables["genes"]["symbol"].to_list(), rows, tables["cell_lines"]["name"][0])
    file, model = folder / f"predictions.{ending}", folder / f"model_{ending}"
    if ending == "parquet":
        frame.write_parquet(file)
    else:
        frame.write_csv(file)
    model.mkdir()
    found: dict[str, float] = {"rows": len(frame)}
    started = time.perf_counter()
    read = read_predictions(file, tables, FileOptions())
    found["read_seconds"] = time.perf_counter() - started
    started = time.perf_counter()
    fit_table(read, tables["questions"], model, TableSource("vcm", file.name, "random"))
    found["calibrate_seconds"] = time.perf_counter() - started
    claims = [
        Claim(a, "changes_expression_of", b, line)
        for a, b, _, line in frame.select("pert", "gene", "score", "cell_line").iter_rows()
    ]
    verifier = TableVerifier(model, workspace.snapshot_folder)
    started = time.perf_counter()
    verifier.score(claims[:1])
    found["open_seconds"] = time.perf_counter() - started
    rates, own = [], []
    for _ in range(REPEATS):
        started, used = time.perf_counter(), time.process_time()
        verifier.score(claims)
        rates.append(len(claims) / (time.perf_counter() - started))
        own.append(len(claims) / (time.process_time() - used))
    found["claims_per_second"] = float(np.median(rates))
    found["claims_per_processor_second"] = float(np.median(own))
    return found


def main() -> None:
    """Print the figures for CSV and Parquet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", default="workspace")
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Workspace(given.workspace) as workspace:
        for ending in ("csv", "parquet"):
            found = measure(workspace, given.rows, Path(folder), ending)
            print(ending + ": " + ", ".join(f"{name} {value:,.3g}" for name, value in found.items()))


if __name__ == "__main__":
    main()
