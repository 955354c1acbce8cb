"""Calibrates a file of predictions on train rows and writes the folder that the table verifier opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.claims import FALLS, IF_CHANGED, KNOCKDOWN_RELATIONS, Relation
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.verifiers.splits import FOLDS, fold_of
from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic
from rbio_kg.verifiers.stats.metrics import auroc, expected_calibration_error
from rbio_kg.verifiers.stats.probability import clipped_logit
from rbio_kg.verifiers.table.rows import PredictedRows

FEWEST = 20
"""Train rows of each label without which a relation is not calibrated."""
ROWS_FILE, ABOUT_FILE = "rows.parquet", "table.json"
OUT_OF_FOLD, RAW = "out of fold", "raw"


@dataclass(frozen=True)
class TableSource:
    """Where the predictions come from, for the card.

    Args:
        name: of the verifier.
        file: name of the file.
        model: that made the predictions.
        licence: of the predictions.
        reference: of the model.
    """

    name: str
    file: str
    model: str
    licence: str = "that of the predictions; not stated"
    reference: str = "docs/reference/verifiers.md; the model is described by whoever made the file"


def fit_table(
    rows: PredictedRows,
    questions: pl.DataFrame,
    folder: Path,
    source: TableSource,
    *,
    raw: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Calibrate predictions relation by relation, and write the model.

    A calibration is a logistic regression on the log odds of the score. Scores outside 0 to 1 are first replaced by
    their quantile among the relation's rows. Each cell line has an offset. The folds are perturbations: a row is
    calibrated without the labels of its subject's fold.

    Args:
        rows: the predictions.
        questions: of the graph, with the `questions` schema; only train rows are used.
        folder: of the model, which exists and is empty.
        source: where the predictions come from.
        raw: take the scores as probabilities.
        seed: of the folds.

    Returns:
        Relation -> `method` (out of fold, or raw), `rows`, and of a calibrated one `auroc`, `ece`, `coefficient`,
        `labelled`; plain JSON values.

    Raises:
        VerifierError: scores of a relation lie outside 0 to 1 and are not calibrated.
    """
    train = questions.filter(pl.col("split") == "train")
    parts, calibration, simulated = [], {}, False
    for (relation,), part in sorted(rows.frame.group_by("relation"), key=lambda item: str(item[0])):
        labels = pl.DataFrame() if raw else _labels(train, Relation(str(relation)))
        probabilities, found = _calibrated(part, labels, seed)
        if found["method"] == RAW:
            _check_range(part, str(relation), source, raw=raw, labelled=found["labelled"])
        else:
            simulated |= bool(train["simulated"].any())
        calibration[str(relation)] = found
        parts.append(part.with_columns(probability=pl.Series(probabilities)))
    frame = pl.concat(parts)
    frame.write_parquet(folder / ROWS_FILE)
    about = {
        **asdict(source),
        "seed": seed,
        "rows": frame.height,
        "genes": frame["subject"].n_unique(),
        "lines": frame["cell_line"].drop_nulls().unique().sort().to_list(),
        "simulated": simulated,
        "calibration": calibration,
    }
    write_text(folder / ABOUT_FILE, json.dumps(about, indent=1, sort_keys=True) + "\n")
    return calibration


def _labels(train: pl.DataFrame, relation: Relation) -> pl.DataFrame:
    """`subject,object,cell_line,label` of the train questions about a relation."""
    if relation not in KNOCKDOWN_RELATIONS:
        return pl.DataFrame()
    keys = {"subject": "pert", "object": "gene"}
    de, rises = (train.filter(pl.col("task") == task).select("cell_line", "label", **keys) for task in ("de", "dir"))
    if relation is Relation.CHANGES_EXPRESSION_OF:
        return de
    if relation in FALLS:
        rises = rises.with_columns(label=1 - pl.col("label"))
    if relation in IF_CHANGED:
        return rises
    # Increases and decreases claim a change as well.
    unchanged = de.filter(pl.col("label") == 0)
    return pl.concat([rises, unchanged.select(rises.columns).cast(rises.schema)])


def _calibrated(part: pl.DataFrame, labels: pl.DataFrame, seed: int) -> tuple[FloatArray, dict[str, Any]]:
    scores = part["score"].to_numpy()
    found: dict[str, Any] = {"method": RAW, "rows": part.height, "labelled": 0}
    if labels.is_empty():
        return scores, found
    numbered = part.with_row_index("at")
    joined = pl.concat(
        [
            numbered.filter(pl.col("cell_line").is_not_null()).join(
                labels, on=["subject", "object", "cell_line"], how="inner"
            ),
            numbered.filter(pl.col("cell_line").is_null())
            .drop("cell_line")
            .join(labels, on=["subject", "object"], how="inner")
            .select(*numbered.columns, "label"),
        ]
    ).sort("at", "cell_line")
    found["labelled"] = joined.height
    answers = joined["label"].to_numpy()
    if min((answers == 1).sum(), (answers == 0).sum()) < FEWEST:
        return scores, found
    column = _column(scores)[:, None]
    lines = joined["cell_line"].to_list()
    at = joined["at"].to_numpy()
    folds_of = {subject: fold_of(subject, seed) for subject in part["subject"].unique()}
    folds = part["subject"].replace_strict(folds_of, return_dtype=pl.Int64).to_numpy()
    several = len(set(lines)) > 1
    groups = part["cell_line"].to_list()

    def fit(kept: Any) -> Logistic | None:
        chosen = answers[kept]
        if len(np.unique(chosen)) < 2:
            return None
        names = [lines[row] for row in np.flatnonzero(kept)] if several else None
        return fit_logistic(column[at[kept]], chosen, ("score",), names)

    complete = fit(np.ones(len(answers), dtype=np.bool_))
    assert complete is not None  # both labels occur
    out = complete(column, groups if several else None)
    for fold in np.unique(folds[at]).tolist():
        without = fit(folds[at] != fold) or complete
        mine = folds == fold
        out[mine] = without(column[mine], [groups[row] for row in np.flatnonzero(mine)] if several else None)
    own = out[at]
    return out, found | {
        "method": OUT_OF_FOLD,
        "folds": FOLDS,
        "auroc": auroc(answers, own),
        "ece": expected_calibration_error(answers, own),
        "coefficient": complete.coefficients[0],
    }


def _column(scores: FloatArray) -> FloatArray:
    """Log odds of scores that are probabilities, else of their quantiles; (n,)."""
    if scores.min() >= 0.0 and scores.max() <= 1.0:
        return clipped_logit(scores, 1e-4)
    from scipy.stats import rankdata

    return clipped_logit(rankdata(scores) / (len(scores) + 1.0), 1e-9)


def _check_range(part: pl.DataFrame, relation: str, source: TableSource, *, raw: bool, labelled: int) -> None:
    wrong = part.filter(~pl.col("score").is_between(0.0, 1.0))
    if wrong.is_empty():
        return
    first = wrong.sort("row").row(0, named=True)
    example = f"row {first['row']} has {first['score']:g} for {first['subject']} {relation} {first['object']}"
    if raw:
        raise VerifierError(
            f"{wrong.height:,} scores lie outside 0 to 1 ({example})",
            where=source.file,
            hint="raw scores must be probabilities: leave --raw out to calibrate them on train rows",
        )
    raise VerifierError(
        f"{wrong.height:,} scores lie outside 0 to 1 ({example}), and {labelled:,} train rows about {relation} are too "
        f"few to calibrate them (at least {FEWEST} of each label are needed)",
        where=source.file,
        hint="give probabilities, or build a graph whose questions have train rows of these perturbations and genes",
    )


def table_about(folder: Path) -> Mapping[str, Any]:
    """What a fitted table says of itself.

    Raises:
        VerifierError: its file is missing or cannot be read.
    """
    path = folder / ABOUT_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    except (OSError, ValueError) as error:
        raise VerifierError(f"cannot be read ({error})", where=path, hint="add the predictions again") from error
    return found
