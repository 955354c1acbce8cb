"""The documents of evaluations, their options as keywords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.graph.store.store import GraphStore
from rbio_kg.training.data.perturbqa_csv import Tables
from rbio_kg.training.evaluation.expression import ExpressionOptions, evaluate_expression
from rbio_kg.training.evaluation.predictions import (
    PredictionOptions,
    Predictions,
    evaluate_prediction_file,
    evaluate_predictions,
)
from rbio_kg.training.evaluation.results import ExpressionEvaluation, PredictionsEvaluation


def expression_document(
    tables: Tables,
    file: Path,
    *,
    models_dir: Path,
    predictions_out: Path | None = None,
    store: GraphStore | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The document of `evaluate expression`, which reads back."""
    result = evaluate_expression(
        tables,
        file,
        ExpressionOptions(**options),
        models_dir=models_dir,
        predictions_out=predictions_out,
        store=store,
    )
    assert ExpressionEvaluation.from_json(result.to_json()) == result
    return result.to_json()


def predictions_document(
    frame: pl.DataFrame,
    questions: pl.DataFrame | None = None,
    *,
    against: pl.DataFrame | None = None,
    where: Path | None = None,
    against_where: Path | None = None,
    knockdowns: pl.DataFrame | None = None,
    store: GraphStore | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The document of `evaluate predictions` for a frame, which reads back."""
    result = evaluate_predictions(
        Predictions(frame, where),
        questions,
        PredictionOptions(**options),
        against=None if against is None else Predictions(against, against_where),
        knockdowns=knockdowns,
        store=store,
    )
    assert PredictionsEvaluation.from_json(result.to_json()) == result
    return result.to_json()


def prediction_file_document(
    file: Path,
    tables: Tables | None = None,
    *,
    questions_file: Path | None = None,
    against: Path | None = None,
    store: GraphStore | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The document of `evaluate predictions` for a file."""
    result = evaluate_prediction_file(
        file, tables, PredictionOptions(**options), questions_file=questions_file, against=against, store=store
    )
    return result.to_json()
