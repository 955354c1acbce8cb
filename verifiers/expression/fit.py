"""Fits the expression model: gathers training labels, lets them vote out of fold, and calibrates the votes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress
from rbio_kg.core.typing import Indices
from rbio_kg.verifiers.expression.io import save_model
from rbio_kg.verifiers.expression.model import ExpressionModel, Key
from rbio_kg.verifiers.expression.neighbour_votes import Rows
from rbio_kg.verifiers.expression.pair_kernel import gene_factors
from rbio_kg.verifiers.expression.similarity import Profiles, gene_profiles
from rbio_kg.verifiers.splits import FOLDS, divide
from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic
from rbio_kg.verifiers.stats.metrics import summary

ENOUGH_ROWS = 2000
"""A fold's calibration is fitted on the next folds, as many as give so many rows,"""
MOST_STEPS = 3
"""but never more than these."""
_NAME_KINDS = ("alias", "previous", "approved")  # the last wins: an approved symbol is its own gene


def fit_expression(
    tables: Mapping[str, pl.DataFrame],
    model_dir: Path,
    *,
    questions: pl.DataFrame,
    seed: int = 0,
    split_scheme: str = "official",
    cell_lines: Collection[str] | None = None,
    progress: Progress = lambda message, share: None,
) -> dict[str, Any]:
    """Fit on the train rows of the questions and write the model.

    Args:
        tables: the assembled graph (its `questions` are not read).
        model_dir: folder of the model; replaced when there is one.
        questions: rows with the schema of `questions`, any number of cell lines and tasks; what is learnt from are
            the train rows that the split scheme allows.
        seed: of the folds, and of the genes held out by the gene-disjoint split scheme.
        split_scheme: see `rbio_kg.verifiers.splits`. The labels of the other lines answer for a line that is left out.
        cell_lines: lines to answer for; the others only lend their labels. None for all.
        progress: called with a message and the share done.

    Returns:
        `seed`, `protocol`, `rows`, `seconds`-free metrics by line and task under `fits`: cross-validated per-gene
        AUROC with interval, pooled metrics, ECE. Plain JSON values.

    Raises:
        TrainingError: no train rows, an unknown split scheme, a line without train rows.
    """
    train = divide(questions, split_scheme, cell_lines, seed=seed).train.sort("task", "cell_line", "pert", "gene")
    wanted = sorted(set(train["cell_line"]) if cell_lines is None else set(cell_lines))
    lacking = sorted(set(wanted) - set(train["cell_line"]))
    if lacking and split_scheme == "leave-one-line-out":
        wanted = sorted(set(train["cell_line"]))
    elif lacking:
        raise TrainingError(
            f"there are no train rows for {', '.join(lacking)}", hint="name a questions file that has some"
        )
    progress("expression: gene profiles", 0.0)
    symbols = {*tables["genes"]["symbol"], *train["pert"], *train["gene"]}
    profiles = gene_profiles(tables, sorted(symbols))
    settings = {
        "seed": seed,
        "protocol": split_scheme,
        "simulated": bool(train["simulated"].any()),
        "sources": sorted(_sources(tables)),
    }
    settings |= {"unseen": lacking} if lacking else {}
    progress("expression: gene vectors", 0.1)
    labels, monitored = _labels(train, profiles), _monitored(questions, profiles, lacking)
    factors = gene_factors(profiles, np.unique(np.concatenate(list(monitored.values()))))
    model = ExpressionModel(profiles, labels, {}, {}, monitored, factors, {}, other_names(tables), settings)
    calibrations: dict[Key, dict[int, Logistic]] = {}
    seen: dict[Key, NDArray[np.bool_]] = {}
    fits: dict[str, Any] = {}
    keys = [key for key in sorted(model.rows) if key[0] in wanted]
    for done, key in enumerate(keys):
        progress(f"expression: {key[0]} {key[1]}", (done + 0.3) / (len(keys) + 1))
        calibrations[key], seen[key], fits[" ".join(key)] = _calibrate(model, key)
    for key in [(line, task) for line in lacking for task in sorted({task for _, task in keys})]:
        progress(f"expression: {key[0]} {key[1]}, by other lines", len(keys) / (len(keys) + 1))
        found = _calibrate_unseen(model, key)
        if found is not None:
            calibrations[key], seen[key] = {-1: found}, np.zeros((FOLDS + 1, len(model.folds)), dtype=np.bool_)
    metrics = {"seed": seed, "protocol": split_scheme, "rows": len(train), "fits": fits}
    model.calibrations, model.seen, model.settings = calibrations, seen, {**settings, "metrics": metrics}
    save_model(model, Path(model_dir))
    progress("expression: fitted", 1.0)
    return metrics


def _labels(train: pl.DataFrame, profiles: Profiles) -> dict[Key, Rows]:
    place = dict(zip(profiles.genes, range(len(profiles.genes)), strict=True))
    found: dict[Key, Rows] = {}
    for (line, task), rows in train.group_by(["cell_line", "task"], maintain_order=True):
        perts, genes = (np.array([place[name] for name in rows[column]], dtype=np.int32) for column in ("pert", "gene"))
        found[str(line), str(task)] = Rows(perts, genes, rows["label"].to_numpy().astype(np.float64))
    return found


def _monitored(questions: pl.DataFrame, profiles: Profiles, unseen: Collection[str]) -> dict[str, Indices]:
    """Genes that each line's questions name, of either split: a gene without labels is answered by genes like it.

    Those of lines without labels are asked of every line.
    """
    place = dict(zip(profiles.genes, range(len(profiles.genes)), strict=True))
    asked = {
        str(line): {place[gene] for gene in rows["gene"].unique() if gene in place}
        for (line,), rows in questions.group_by("cell_line")
    }
    more = {gene for line in unseen for gene in asked.get(line, ())}
    return {line: np.array(sorted(genes | more), dtype=np.int32) for line, genes in sorted(asked.items())}


def other_names(tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Previous and alias symbols -> approved symbol, where unambiguous; a previous symbol wins over an alias."""
    names = tables["names"]
    found: dict[str, str] = {}
    for kind in _NAME_KINDS:
        found |= dict(names.filter(pl.col("kind") == kind).select("label", "symbol").iter_rows())
    return {label: symbol for label, symbol in found.items() if label != symbol}


def _sources(tables: Mapping[str, pl.DataFrame]) -> set[str]:
    used: Iterable[str] = ("annotations", "interactions", "memberships", "knockdowns")
    return {name for table in used for name in tables[table]["source"].unique().drop_nulls()}


def _calibrate(model: ExpressionModel, key: Key) -> tuple[dict[int, Logistic], NDArray[np.bool_], dict[str, Any]]:
    """Fits for every fold and one on all rows, whose labels each saw, and the cross-validated metrics."""
    rows = model.rows[key]
    folds = model.folds[rows.perts]
    names: tuple[str, ...] = model.voter(key).names
    features = np.zeros((len(rows), len(names)))
    seen = np.zeros((FOLDS + 1, len(model.folds)), dtype=np.bool_)
    seen[-1, rows.perts] = True
    for fold in range(FOLDS):
        asked = folds == fold
        voter = model.voter(key, frozenset({fold}))
        seen[-1, voter.heard] = True
        features[asked] = voter.features(rows.perts[asked], rows.genes[asked])
    fits = {-1: _logistic(features, rows.labels, names)}
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        fits[fold] = _without(model, key, fold, names, seen[fold])
        asked = folds == fold
        scores[asked] = fits[fold](features[asked])
    found = summary(rows.genes.astype(str), rows.labels, scores, seed=model.seed, subgroups=folds)
    return fits, seen, {**found, "coefficients": dict(zip(names, fits[-1].coefficients, strict=True))}


def _calibrate_unseen(model: ExpressionModel, key: Key) -> Logistic | None:
    """The calibration for a line without labels: the others play it in turn, each told of by the rest.

    None where fewer than two lines have labels of the task.
    """
    lines = [line for line, task in sorted(model.rows) if task == key[1]]
    if len(lines) < 2:
        return None
    features, labels = [], []
    for line in lines:
        rows = model.rows[line, key[1]]
        voter, _ = model.held_out_line((line, key[1]), [other for other in lines if other != line])
        features.append(voter.features(rows.perts, rows.genes))
        labels.append(rows.labels)
    return _logistic(np.concatenate(features), np.concatenate(labels), model.voter(key).names)


def _without(model: ExpressionModel, key: Key, fold: int, names: tuple[str, ...], seen: NDArray[np.bool_]) -> Logistic:
    """The calibration for one fold's perturbations, in which nothing rests on their labels.

    Votes about the other folds normally count this fold's labels too, so the next fold votes again without both.
    Perturbations whose labels count are marked in `seen`.
    """
    rows = model.rows[key]
    folds = model.folds[rows.perts]
    features, labels, count = [], [], 0
    for step in range(1, FOLDS):
        other = (fold + step) % FOLDS
        asked = folds == other
        if asked.any():
            seen[rows.perts[asked]] = True
            voter = model.voter(key, frozenset({fold, other}))
            seen[voter.heard] = True
            features.append(voter.features(rows.perts[asked], rows.genes[asked]))
            labels.append(rows.labels[asked])
            count += int(asked.sum())
        if count >= ENOUGH_ROWS or step == MOST_STEPS:
            break
    if not features:
        return _logistic(np.zeros((0, len(names))), np.zeros(0), names)
    return _logistic(np.concatenate(features), np.concatenate(labels), names)


def _logistic(features: NDArray[np.float64], labels: NDArray[np.float64], names: tuple[str, ...]) -> Logistic:
    if len(np.unique(labels)) < 2:
        # Nothing to learn from: the gene's habit stands as it is.
        return Logistic(names, tuple(float(name == "habit") for name in names), 0.0)
    return fit_logistic(features, labels, names)
