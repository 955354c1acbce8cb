"""Measures of a predictor: per-gene AUROC with intervals, pooled metrics, calibration.

The headline is PerturbQA's: the AUROC within each monitored gene, averaged over the genes that have both labels. A
predictor that knows only the gene's base rate scores exactly 0.5 there, however good its pooled figures are. Undefined
values are None, never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbio_kg.core.typing import FloatArray

Interval = tuple[float, float]

_CHUNK = 100  # bootstrap samples drawn at once: bounds the memory at 100 indices per gene


@dataclass(frozen=True)
class PerGene:
    """AUROC gene by gene.

    Args:
        mean: plain mean of the values, None where no gene has both labels.
        genes: how many genes have both labels.
        rows: rows of those genes.
        values: their AUROCs, 0 to 1, in the order of `names`: one per gene (with subgroups, one per gene and fold).
        names: the genes (and folds) measured.
    """

    mean: float | None
    genes: int
    rows: int
    values: FloatArray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """First minus second model: mean over the genes and its interval."""

    mean: float
    low: float
    high: float


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.int64], FloatArray]:
    truth, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(f"labels {truth.shape} and scores {values.shape} must be two vectors of one length")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    return truth.astype(np.int64), values


def _wins(
    groups: NDArray[np.int64], n: int, labels: NDArray[np.int64], scores: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Within each of `n` groups: (positive, negative) pairs ranked rightly (a tie is half a pair), and all pairs."""
    order = np.lexsort((scores, groups))
    group, score = groups[order], scores[order]
    size = np.bincount(groups, minlength=n)
    place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size) + 1.0
    # Tied scores of one group share the mean of their ranks (the Mann-Whitney statistic).
    new = np.ones(len(order), dtype=bool)
    new[1:] = (group[1:] != group[:-1]) | (score[1:] != score[:-1])
    tie = np.cumsum(new) - 1
    rank = (np.bincount(tie, place) / np.bincount(tie))[tie] if len(order) else place
    positives = np.bincount(groups, labels, n)
    won = np.bincount(group, rank * labels[order], n) - positives * (positives + 1) / 2
    return won, positives * (size - positives)


def per_gene_auroc(
    genes: ArrayLike, labels: ArrayLike, scores: ArrayLike, subgroups: ArrayLike | None = None
) -> PerGene:
    """AUROC within each gene (ties count one half), averaged over the genes that have both labels.

    Args:
        genes: monitored gene of each row, shape (n,).
        labels: 0 or 1, shape (n,).
        scores: finite, any scale, shape (n,).
        subgroups: fold of each row, shape (n,). Each fold is then measured as a test split of its own: a gene counts
            once in every fold where it has both labels. Cross-validated scores need this: the gene's rate estimated
            without a fold is lower exactly where that fold has more positives, so comparing rows of different folds
            punishes every score that contains the rate.

    Raises:
        ValueError: lengths differ, labels other than 0 and 1, scores that are not finite.
    """
    truth, values = _checked(labels, scores)
    names, index = np.unique(np.asarray(genes, dtype=np.str_), return_inverse=True)
    if len(index) != len(truth):
        raise ValueError(f"{len(index)} genes for {len(truth)} labels")
    group, owner, units = index, np.arange(len(names)), names.tolist()
    if subgroups is not None:
        folds, fold = np.unique(np.asarray(subgroups), return_inverse=True)
        used, group = np.unique(index * max(len(folds), 1) + fold, return_inverse=True)
        owner = used // max(len(folds), 1)
        units = [f"{names[place // len(folds)]} {folds[place % len(folds)]}" for place in used.tolist()]
    won, pairs = _wins(group, len(owner), truth, values)
    kept = pairs > 0
    result = won[kept] / pairs[kept]
    rows = int(np.bincount(group, minlength=len(owner))[kept].sum())
    chosen = tuple(unit for unit, keep in zip(units, kept.tolist(), strict=True) if keep)
    return PerGene(float(result.mean()) if kept.any() else None, len(set(owner[kept].tolist())), rows, result, chosen)


def _resampled(values: FloatArray, seed: int, samples: int, level: float) -> Interval:
    generator = np.random.default_rng(seed)
    means = [
        values[generator.integers(0, len(values), (min(_CHUNK, samples - start), len(values)))].mean(axis=1)
        for start in range(0, samples, _CHUNK)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return float(low), float(high)


def bootstrap_interval(values: ArrayLike, seed: int, samples: int = 1000, level: float = 0.95) -> Interval | None:
    """Percentile bootstrap interval of the mean, resampling the values (genes); None without values."""
    array = np.asarray(values, dtype=np.float64)
    return _resampled(array, seed, samples, level) if len(array) else None


def paired_bootstrap(
    first: PerGene, second: PerGene, seed: int, samples: int = 1000, level: float = 0.95
) -> Difference | None:
    """Difference of two models on the same rows, resampling genes for both at once; None without genes.

    Raises:
        ValueError: the two were measured on different genes.
    """
    if first.names != second.names:
        raise ValueError("a paired comparison needs the same genes: score both models on the same rows")
    if not first.genes:
        return None
    gaps = first.values - second.values
    return Difference(float(gaps.mean()), *_resampled(gaps, seed, samples, level))


def auroc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """AUROC over all rows together, ties one half; None unless both labels occur.

    It equals `sklearn.metrics.roc_auc_score` (tested) and takes 0.16 ms instead of 5.8 ms for 200 rows, 3.8 ms instead
    of 13 ms for 20,000 rows. Benchmarks and intervals call it thousands of times.

    Example:
        >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
        0.875
    """
    truth, values = _checked(labels, scores)
    won, pairs = _wins(np.zeros(len(truth), dtype=np.int64), 1, truth, values)
    return float(won[0] / pairs[0]) if pairs[0] else None


def pooled_metrics(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> dict[str, float | None]:
    """Metrics over all rows together; a row counts as yes from `threshold` on.

    They equal those of scikit-learn (tested), which takes about 80 times as long for 200 rows and 10 times for 20,000.

    Returns:
        `f1`, `balanced_accuracy`, `mcc`, `tpr`, `tnr`, `auroc`. None where the labels leave one undefined. With
        both labels present but one answer only, `mcc` is 0 by convention.
    """
    truth, values = _checked(labels, scores)
    yes = values >= threshold
    tp, fn = int((yes & (truth == 1)).sum()), int((~yes & (truth == 1)).sum())
    fp, tn = int((yes & (truth == 0)).sum()), int((~yes & (truth == 0)).sum())
    tpr = tp / (tp + fn) if tp + fn else None
    tnr = tn / (tn + fp) if tn + fp else None
    both = tpr is not None and tnr is not None
    spread = float(tp + fp) * float(tp + fn) * float(tn + fp) * float(tn + fn)
    mcc = (tp * tn - fp * fn) / spread**0.5 if spread else 0.0
    return {
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
        "balanced_accuracy": (tpr + tnr) / 2 if tpr is not None and tnr is not None else None,
        "mcc": mcc if both else None,
        "tpr": tpr,
        "tnr": tnr,
        "auroc": auroc(truth, values),
    }


def reliability_bins(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> list[dict[str, Any]]:
    """Equal-width bins of the stated probability: `low`, `high`, `n`, `mean_probability`, `rate`.

    The last bin includes 1. An empty bin has None for the last two.

    Raises:
        ValueError: as `per_gene_auroc`, or a probability outside 0 to 1.
    """
    truth, values = _checked(labels, probabilities)
    if ((values < 0) | (values > 1)).any():
        raise ValueError("probabilities must lie between 0 and 1")
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    stated, seen = np.bincount(place, values, bins), np.bincount(place, truth, bins)
    return [
        {
            "low": index / bins,
            "high": (index + 1) / bins,
            "n": int(count),
            "mean_probability": float(stated[index] / count) if count else None,
            "rate": float(seen[index] / count) if count else None,
        }
        for index, count in enumerate(rows)
    ]


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> float | None:
    """Mean gap between stated probability and observed rate over equal-width bins, weighted by rows (Naeini 2015)."""
    filled = [item for item in reliability_bins(labels, probabilities, bins) if item["n"]]
    rows = sum(item["n"] for item in filled)
    gap = sum(item["n"] * abs(item["mean_probability"] - item["rate"]) for item in filled)
    return float(gap / rows) if rows else None


def brier_score(labels: ArrayLike, probabilities: ArrayLike) -> float | None:
    """Mean squared distance of the probability from the label (Brier 1950); None without rows."""
    truth, values = _checked(labels, probabilities)
    return float(np.mean((values - truth) ** 2)) if len(truth) else None


def risk_coverage(genes: ArrayLike, labels: ArrayLike, probabilities: ArrayLike) -> dict[str, Any]:
    """The error rate among the most confident answers (El-Yaniv and Wiener 2010), at ten coverages and over all.

    The answer is yes from above one half, its confidence |p - 1/2|. Rows of one confidence share their errors: that is
    what is expected of ties in random order.

    Returns:
        `area`: the mean over k = 1..n of the error rate among the k most confident rows (Geifman and El-Yaniv 2017),
        None without rows. `curve`: for the coverages 1, 0.9, ... 0.1 the `coverage`, `rows` (n times that, rounded up),
        `error` among these rows, and of all rows at least as confident as these `per_gene_auroc` and `genes`.

    Raises:
        ValueError: as `per_gene_auroc`.
    """
    truth, values = _checked(labels, probabilities)
    names, n = np.asarray(genes), len(values)
    if not n:
        return {"area": None, "curve": []}
    # Rounded, because 0.3 and 0.7 are not quite equally far from one half.
    confidence = np.round(np.abs(values - 0.5), 12)
    _, level = np.unique(-confidence, return_inverse=True)
    level_error = np.bincount(level, (values > 0.5) != truth) / np.bincount(level)
    ranked = np.sort(level)
    errors = np.cumsum(level_error[ranked]) / np.arange(1, n + 1)
    curve = []
    for tenths in range(10, 0, -1):
        rows = -(-tenths * n // 10)
        kept = level <= ranked[rows - 1]
        within = per_gene_auroc(names[kept], truth[kept], values[kept])
        curve.append(
            {
                "coverage": tenths / 10,
                "rows": rows,
                "error": float(errors[rows - 1]),
                "per_gene_auroc": within.mean,
                "genes": within.genes,
            }
        )
    return {"area": float(errors.mean()), "curve": curve}


def summary(
    genes: Sequence[str] | NDArray[Any],
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    seed: int,
    subgroups: ArrayLike | None = None,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Every measure of one predictor, ready for JSON.

    Returns:
        `per_gene_auroc`, `interval` ([low, high] or None), `genes` (with both labels), `rows` (all rows scored),
        `rows_in_genes` (rows of those genes), `pooled`, `ece` and `brier`. Unless the scores are all in 0..1, the last
        two and all pooled metrics with a threshold are None: the scores are no probabilities.
    """
    measured = per_gene_auroc(np.asarray(genes), labels, scores, subgroups)
    interval = bootstrap_interval(measured.values, seed)
    values = np.asarray(scores, dtype=np.float64)
    likely = bool(((values >= 0) & (values <= 1)).all())
    pooled = pooled_metrics(labels, values, threshold)
    return {
        "per_gene_auroc": measured.mean,
        "interval": None if interval is None else list(interval),
        "genes": measured.genes,
        "rows": len(values),
        "rows_in_genes": measured.rows,
        "pooled": pooled if likely else {name: pooled[name] if name == "auroc" else None for name in pooled},
        "ece": expected_calibration_error(labels, values) if likely else None,
        "brier": brier_score(labels, values) if likely else None,
    }
