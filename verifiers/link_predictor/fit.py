"""Fitting the link predictor: split, features, encoder, calibration, and metrics with those of baselines."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.errors import ModelError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.link_predictor.features import BASELINES, FEATURES, LinkParts, features
from rbio_kg.verifiers.link_predictor.model import KNOCKDOWN_PARTS, NATURAL_SUFFIX, LinkModel
from rbio_kg.verifiers.link_predictor.negatives import KINDS, RELATIONS, LabelledPairs
from rbio_kg.verifiers.link_predictor.settings import LinkSettings
from rbio_kg.verifiers.link_predictor.sisters import sister_masks, sister_report
from rbio_kg.verifiers.link_predictor.split import RANDOM_PAIRS, LinkSplit, split_graph
from rbio_kg.verifiers.link_predictor.svd import latent_tables
from rbio_kg.verifiers.stats.fit_calibration import TASK_FITS, fit_and_measure, knockdown_pairs
from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic
from rbio_kg.verifiers.stats.metrics import auroc, expected_calibration_error

EPOCHS = 15
HARD_WEIGHT = 0.1
MIN_PAIRS = 20
"""A relation with fewer true pairs for training or for metrics is left out; the verifier then abstains on it."""


def fit_link_predictor(
    snapshot: Snapshot | Path | str,
    model_dir: Path | str,
    *,
    questions: pl.DataFrame | None = None,
    seed: int = 0,
    epochs: int = EPOCHS,
    settings: LinkSettings | None = None,
    device: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit on the graph's own edges and write the model.

    Ten percent of the edges of each relation are supervision, five validation. Neither passes messages or enters a
    feature during training. Then the supervision edges join the message edges; the validation edges never do.
    False pairs are drawn against all true ones: random, matched by degree, or found by a short walk. One half of the
    validation pairs fits the calibration, the other half gives the metrics.

    Args:
        snapshot: an open snapshot or its folder.
        model_dir: replaced when the new model is complete.
        questions: questions schema; train rows calibrate the knockdown relations, without them it abstains there.
        seed: of splits, draws and weights; the same seed gives the same bytes on one machine.
        epochs: full-batch passes.
        settings: sizes and learning rates; None for the defaults.
        device: torch device; None for a GPU where there is one.
        progress: called with a message and the share done.

    Returns:
        {relation: {auroc, ap, ece, base_rate, rows, positives, random: {model and baselines: {auroc, ap}}, degree: ...,
        two_hop: ..., hard (the last two together): ...}};
        for relations between genes also sisters: {share of the true pairs by kind, any, without: {auroc, ap, rows,
        positives} of the pairs that have none (see `rbio_kg.verifiers.link_predictor.sisters`)}};
        and for `changes` and `rises` {auroc, ece, rows, positives}; plain JSON values.

    Raises:
        ModelError: the graph has too few edges of every relation.
    """
    opened = snapshot if isinstance(snapshot, Snapshot) else Snapshot.open(snapshot)
    rng = np.random.default_rng(seed)
    progress("link predictor: holding edges out", 0.0)
    split = split_graph(opened, rng)
    folder = Path(os.path.relpath(opened.directory.resolve(), Path(model_dir).resolve())).as_posix()
    model, losses = fit_model(
        opened,
        split,
        folder=folder,
        seed=seed,
        epochs=epochs,
        settings=settings,
        device=device,
        progress=lambda message, share: progress(message, 0.05 + 0.8 * (share or 0.0)),
    )
    relations = list(model.decoders)
    progress("link predictor: calibration and metrics", 0.9)
    calibrations: dict[str, Logistic] = {}
    metrics: dict[str, Any] = {"loss": [round(value, 4) for value in losses]}
    for name in relations:
        calibrations[name], metrics[name] = _measure(model, opened, name, split.validation[name], rng)
        calibrations[name + NATURAL_SUFFIX] = natural_calibration(model, split, name, rng)
    simulated = False
    if questions is not None:
        train = questions.filter(pl.col("split") == "train")
        simulated = bool(train.get_column("simulated").fill_null(value=False).any())
        for task, name in TASK_FITS.items():
            pairs = knockdown_pairs(opened, train, task, model.parts.paths.isolated, rng)
            matrix = model.knockdown_matrix(pairs.a, pairs.b)
            found = fit_and_measure(
                matrix, pairs.labels, pairs.held, parts=KNOCKDOWN_PARTS, fewest=MIN_PAIRS, groups=pairs.lines
            )
            if found is not None:
                calibrations[name], metrics[name] = found
    replace(model, calibrations=calibrations, metrics=metrics, simulated=simulated).save(Path(model_dir))
    progress("link predictor: fitted", 1.0)
    return metrics


def fit_model(
    snapshot: Snapshot,
    split: LinkSplit,
    *,
    folder: str,
    seed: int,
    epochs: int = EPOCHS,
    settings: LinkSettings | None = None,
    device: str | None = None,
    progress: Progress = silent,
) -> tuple[LinkModel, list[float]]:
    """Fit encoder and decoders on a split; the model, not yet calibrated, and the encoder's losses.

    A hard negative has `HARD_WEIGHT` of the weight of a random one. With full weight the decoder would learn how the
    hard negatives were drawn.

    Args:
        folder: of the snapshot, as it is written into the model.

    Raises:
        ModelError: the graph has too few edges of every relation.
    """
    from rbio_kg.verifiers.link_predictor.decoder import LearningPairs
    from rbio_kg.verifiers.link_predictor.encoder import train_encoder

    relations = [name for name in RELATIONS if _enough(split, name)]
    if not relations:
        raise ModelError("the graph has too few edges to train on", where=snapshot.directory)
    progress("link predictor: low-rank tables", 0.0)
    latent, latent_known = latent_tables(split.graph, seed), latent_tables(split.known, seed)
    parts = LinkParts(split.graph, latent)
    scaling, learning = {}, {}
    for name in relations:
        progress(f"link predictor: structural features of {name}", 0.15)
        pairs = split.supervision[name]
        columns = features(parts, name, pairs.a, pairs.b)
        scaling[name] = _scaling(columns[~pairs.hard])
        scaled = (columns - scaling[name][0]) / scaling[name][1]
        learning[name] = LearningPairs(pairs.a, pairs.b, pairs.labels, scaled, np.where(pairs.hard, HARD_WEIGHT, 1.0))
    trained = train_encoder(
        split.graph,
        split.known,
        latent,
        learning,
        seed=seed,
        epochs=epochs,
        settings=settings or LinkSettings(),
        device=device,
        progress=lambda message, share: progress(message, 0.3 + 0.7 * (share or 0.0)),
    )
    model = LinkModel(
        snapshot.build_id,
        folder,
        split.known,
        latent_known,
        trained.embeddings,
        trained.decoders,
        scaling,
        calibrations={},
        metrics={},
    )
    return model, trained.losses


def natural_calibration(model: LinkModel, split: LinkSplit, name: str, rng: np.random.Generator) -> Logistic:
    """Log odds -> probability that a pair drawn from all that are not known is a held-out validation edge.

    Fitted on validation edges against random pairs, then shifted by the log of the ratio of the odds of an edge among
    all pairs to those in the sample (prior correction, King and Zeng 2001).
    """
    true = split.validation[name].true
    false = split.negatives.draw(rng, name, "random", true, max(RANDOM_PAIRS, len(true[0])))
    a, b = (np.concatenate((true[end], false[end])) for end in (0, 1))
    labels = np.repeat(np.array([1, 0], dtype=np.int8), (len(true[0]), len(false[0])))
    fit = fit_logistic(model.log_odds(name, a, b)[:, None], labels, ("log_odds",))
    shift = np.log(natural_rate(split, name) / (len(true[0]) / len(false[0])))
    return replace(fit, intercept=fit.intercept + float(shift))


def natural_rate(split: LinkSplit, name: str) -> float:
    """Odds that a pair which is not known is one of the held-out validation edges."""
    return split.held[name] / max(split.negatives.all_pairs(name), 1)


def _enough(split: LinkSplit, name: str) -> bool:
    sets = (split.supervision[name], split.validation[name])
    return all(pairs.labels.sum() >= MIN_PAIRS and (pairs.labels == 0).sum() >= MIN_PAIRS for pairs in sets)


def _scaling(matrix: FloatArray) -> FloatArray:
    spread = matrix.std(axis=0)
    return np.stack((matrix.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)))


def _measure(
    model: LinkModel, full: Snapshot, name: str, pairs: LabelledPairs, rng: np.random.Generator
) -> tuple[Logistic, dict[str, Any]]:
    columns = features(model.parts, name, pairs.a, pairs.b)
    odds = model.log_odds(name, pairs.a, pairs.b, columns)
    held = np.zeros(len(pairs), dtype=np.bool_)
    for label in (0, 1):  # half of the true and half of the false pairs, whatever the draw
        rows = rng.permutation(np.flatnonzero(pairs.labels == label))
        held[rows[: len(rows) // 2]] = True
    calibration = fit_logistic(odds[~held][:, None], pairs.labels[~held], ("log_odds",))
    probabilities, labels = calibration(odds[held][:, None]), pairs.labels[held]
    baselines = {key: columns[held][:, FEATURES[name].index(key)] for key in BASELINES[name]}
    scores = {"model": odds[held], **baselines}
    kinds = pairs.kinds[held]
    false: dict[str, NDArray[np.bool_]] = {kind: (kinds == number) | (labels == 1) for number, kind in enumerate(KINDS)}
    false["hard"] = false["degree"] | false["two_hop"]
    measured: dict[str, Any] = {
        **_ranking(labels, odds[held]),
        "ece": expected_calibration_error(labels, probabilities),
        "base_rate": float(labels.mean()),
        "rows": int(held.sum()),
        "positives": int(labels.sum()),
    }
    for kind, rows in false.items():
        measured[kind] = {key: _ranking(labels[rows], values[rows]) for key, values in scores.items()}
    masks = sister_masks(full, name, pairs.a[held], pairs.b[held])
    if masks:
        shares, alone = sister_report(masks, labels)
        rest = {"rows": int(alone.sum()), "positives": int(labels[alone].sum())}
        measured["sisters"] = {**shares, "without": {**_ranking(labels[alone], odds[held][alone]), **rest}}
    return calibration, measured


def _ranking(labels: NDArray[Any], scores: FloatArray) -> dict[str, float | None]:
    from sklearn.metrics import average_precision_score

    if len(np.unique(labels)) < 2:
        return {"auroc": None, "ap": None}
    return {"auroc": auroc(labels, scores), "ap": float(average_precision_score(labels, scores))}
