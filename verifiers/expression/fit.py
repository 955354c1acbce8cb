"""Fits the expression model: gathers training labels, computes votes out of fold, and calibrates them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.core.typing import BoolArray, FloatArray, Indices
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph_builders.sources.perturbqa import SIMULATED_NAME
from rbio_kg.verifiers.expression.embeddings import Embeddings
from rbio_kg.verifiers.expression.io import save_model
from rbio_kg.verifiers.expression.labels import Key, TrainingLabels
from rbio_kg.verifiers.expression.model import ExpressionModel
from rbio_kg.verifiers.expression.neighbour_votes import LabelledPairs, NeighbourVoter
from rbio_kg.verifiers.expression.pair_kernel import gene_factors
from rbio_kg.verifiers.expression.similarity import Profiles, gene_profiles
from rbio_kg.verifiers.splits import FOLDS, divide
from rbio_kg.verifiers.stats.logistic import Logistic, fit_logistic
from rbio_kg.verifiers.stats.metrics import summary

MIN_ROWS = 2000
"""The calibration of a fold is fitted on the following folds, on as many as are needed for this number of rows."""
MAX_FOLDS = 3
"""The most folds that one calibration is fitted on."""


@dataclass(frozen=True)
class LineFit:
    """Calibrations of one cell line and task.

    Args:
        calibrations: by fold; -1 for perturbations without labels in the line.
        seen: bool (FOLDS + 1, genes), see `ExpressionModel`.
        metrics: cross-validated metrics and coefficients, plain JSON values.
    """

    calibrations: Mapping[int, Logistic]
    seen: BoolArray
    metrics: Mapping[str, Any]


def fit_expression(
    tables: Mapping[str, pl.DataFrame],
    model_dir: Path,
    *,
    questions: pl.DataFrame,
    seed: int = 0,
    split_scheme: str = "official",
    cell_lines: Collection[str] | None = None,
    vectors: Embeddings | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit on the train rows of the questions and write the model.

    Args:
        tables: the assembled graph (its `questions` are not read).
        model_dir: folder of the model; replaced when there is one.
        questions: rows with the schema of `questions`, any number of cell lines and tasks; the model is fitted on the
            train rows that the split scheme allows.
        seed: of the folds, and of the genes held out by the gene-disjoint split scheme.
        split_scheme: see `rbio_kg.verifiers.splits`. The other lines' labels are used for a line that is left out.
        cell_lines: lines to fit calibrations for; of the others only the labels are used. None for all.
        vectors: of genes, for another similarity of knockdowns and of monitored genes. They are used only where they
            raise the cross-validated per-gene AUROC on the train rows.
        progress: called with a message and the share done.

    Returns:
        `seed`, `protocol`, `rows`, and under `fits` the metrics by line and task: cross-validated per-gene AUROC with
        interval, pooled metrics, ECE. With vectors also `gene_vectors`: `source`, `genes` (share of the genes that have
        one), `per_gene_auroc` (`with` and `without` them) and `used`. Plain JSON values.

    Raises:
        TrainingError: no train rows, an unknown split scheme, a line without train rows.
    """
    train = divide(questions, split_scheme, cell_lines, seed=seed).train.sort("task", "cell_line", "pert", "gene")
    wanted = sorted(set(train["cell_line"]) if cell_lines is None else {canonical_line(line) for line in cell_lines})
    lacking = sorted(set(wanted) - set(train["cell_line"]))
    if lacking and split_scheme == "leave-one-line-out":
        wanted = sorted(set(train["cell_line"]))
    elif lacking:
        raise TrainingError(
            f"there are no train rows for {', '.join(lacking)}",
            hint="name a questions file that has some, or evaluate without them (--protocol leave-one-line-out)",
        )
    progress("expression: gene profiles", 0.0)
    symbols = sorted({*tables["genes"]["symbol"], *train["pert"], *train["gene"]})
    profiles = gene_profiles(tables, symbols)
    settings = {
        "seed": seed,
        "protocol": split_scheme,
        "simulated": bool(train["simulated"].any()),
        "sources": sorted(_sources(tables)),
    }
    settings |= _label_sources(tables, questions, train)
    settings |= {"unseen": lacking} if lacking else {}
    progress("expression: gene vectors", 0.1)
    rows, monitored = _labels(train, profiles), _monitored(questions, profiles, lacking)
    keys = [key for key in sorted(rows) if key[0] in wanted]

    def fitted(profiles: Profiles, note: str = "") -> tuple[_Fitter, dict[Key, LineFit]]:
        factors = gene_factors(profiles, np.unique(np.concatenate(list(monitored.values()))))
        fitter = _Fitter(TrainingLabels(profiles, rows, monitored, factors, seed, split_scheme == "global"))
        fits = {}
        for done, key in enumerate(keys):
            progress(f"expression: {key[0]} {key[1]}{note}", (done + 0.3) / (len(keys) + 1))
            fits[key] = fitter.calibrate(key)
        return fitter, fits

    fitter, fits = fitted(profiles)
    chosen: dict[str, Any] = {}
    if vectors is not None:
        indices = vectors.indices(symbols)
        own = np.where(indices[:, None] >= 0, vectors.vectors[indices], 0.0)
        other = fitted(gene_profiles(tables, symbols, own), " with gene vectors")
        before, after = _mean_auroc(fits), _mean_auroc(other[1])
        used = after is not None and before is not None and after > before
        chosen["gene_vectors"] = {
            "source": vectors.source,
            "genes": float((indices >= 0).mean()),
            "per_gene_auroc": {"with": after, "without": before},
            "used": used,
        }
        fitter, fits = other if used else (fitter, fits)
    metrics = {
        **chosen,
        "seed": seed,
        "protocol": split_scheme,
        "rows": len(train),
        "fits": {" ".join(key): fit.metrics for key, fit in fits.items()},
    }
    for key in [(line, task) for line in lacking for task in sorted({task for _, task in keys})]:
        progress(f"expression: {key[0]} {key[1]}, from other lines", len(keys) / (len(keys) + 1))
        found = fitter.calibrate_unseen(key)
        if found is not None:
            fits[key] = found
    model = ExpressionModel(
        fitter.labels,
        {key: fit.calibrations for key, fit in fits.items()},
        {key: fit.seen for key, fit in fits.items()},
        fitter.weights,
        GeneNames.of_tables(tables),
        {**settings, "metrics": metrics},
    )
    save_model(model, Path(model_dir))
    progress("expression: fitted", 1.0)
    return metrics


def _mean_auroc(fits: Mapping[Key, LineFit]) -> float | None:
    """Mean over lines and tasks of the cross-validated per-gene AUROC."""
    found = [fit.metrics["per_gene_auroc"] for fit in fits.values()]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _labels(train: pl.DataFrame, profiles: Profiles) -> dict[Key, LabelledPairs]:
    place = dict(zip(profiles.genes, range(len(profiles.genes)), strict=True))
    found: dict[Key, LabelledPairs] = {}
    for (line, task), rows in train.group_by(["cell_line", "task"], maintain_order=True):
        perts, genes = (np.array([place[name] for name in rows[column]], dtype=np.int32) for column in ("pert", "gene"))
        found[str(line), str(task)] = LabelledPairs(perts, genes, rows["label"].to_numpy().astype(np.float64))
    return found


def _monitored(questions: pl.DataFrame, profiles: Profiles, unseen: Collection[str]) -> dict[str, Indices]:
    """Genes that each line's questions name, of either split. A gene without labels is predicted from similar genes.

    Every line can be queried for the genes of lines without labels.
    """
    place = dict(zip(profiles.genes, range(len(profiles.genes)), strict=True))
    named = {
        str(line): {place[gene] for gene in rows["gene"].unique() if gene in place}
        for (line,), rows in questions.group_by("cell_line")
    }
    more = {gene for line in unseen for gene in named.get(line, ())}
    return {line: np.array(sorted(genes | more), dtype=np.int32) for line, genes in sorted(named.items())}


def _label_sources(tables: Mapping[str, pl.DataFrame], questions: pl.DataFrame, train: pl.DataFrame) -> dict[str, Any]:
    """For evidence: the source of each cell line's labels, and the lines with simulated ones.

    The graph names the sources of its own questions; those of other files are called training questions.
    """
    # Nothing of a model may depend on test labels.
    of_train = pl.col("split") == "train"
    own = "questions" in tables and questions.filter(of_train).equals(tables["questions"].filter(of_train))
    known = dict(tables["knockdowns"].select("cell_line", "source").unique().sort("source").rows()) if own else {}
    simulated = sorted(train.filter("simulated")["cell_line"].unique())
    named = {line: SIMULATED_NAME if line in simulated else "training questions" for line in set(train["cell_line"])}
    sources = {line: known.get(line, name) for line, name in sorted(named.items())}
    return {"label_sources": sources, "simulated_lines": simulated}


def _sources(tables: Mapping[str, pl.DataFrame]) -> set[str]:
    used: Iterable[str] = ("annotations", "interactions", "memberships", "knockdowns")
    return {name for table in used for name in tables[table]["source"].unique().drop_nulls()}


class _Fitter:
    """Solves the regressions on training labels and fits calibrations to the votes.

    `weights` collects the solved regressions that the model needs, by key and fold.
    """

    def __init__(self, labels: TrainingLabels) -> None:
        self.labels = labels
        self.weights: dict[Key, dict[int, NDArray[np.float32]]] = {}
        self._voters: dict[tuple[Key, int], NeighbourVoter] = {}

    def voter(self, key: Key, fold: int = -1) -> NeighbourVoter:
        """The voters about a fold (-1: about perturbations without labels); solved once and kept for the model."""
        if (key, fold) not in self._voters:
            sources = self.labels.sources(key, () if fold < 0 else (fold,))
            weights = self.weights.setdefault(key, {})
            weights[fold] = self.labels.solve(sources)
            self._voters[key, fold] = self.labels.voter(key[0], sources, weights[fold])
        return self._voters[key, fold]

    def calibrate(self, key: Key) -> LineFit:
        """One calibration for every fold and one on all rows, with cross-validated metrics."""
        rows = self.labels.rows[key]
        folds = self.labels.folds[rows.perts]
        names = self.voter(key).names
        features = np.zeros((len(rows), len(names)))
        seen = np.zeros((FOLDS + 1, len(self.labels.folds)), dtype=np.bool_)
        seen[-1, rows.perts] = True
        for fold in range(FOLDS):
            mine = folds == fold
            voter = self.voter(key, fold)
            seen[-1, voter.voting_perts] = True
            features[mine] = voter.features(rows.perts[mine], rows.genes[mine])
        fits = {-1: _logistic(features, rows.labels, names)}
        scores = np.zeros(len(rows))
        for fold in range(FOLDS):
            fits[fold], seen[fold] = self._calibrate_without(key, fold, names)
            mine = folds == fold
            scores[mine] = fits[fold](features[mine])
        found = summary(rows.genes.astype(str), rows.labels, scores, seed=self.labels.seed, subgroups=folds)
        return LineFit(fits, seen, {**found, "coefficients": dict(zip(names, fits[-1].coefficients, strict=True))})

    def _calibrate_without(self, key: Key, fold: int, names: tuple[str, ...]) -> tuple[Logistic, BoolArray]:
        """The calibration for one fold's perturbations, which uses none of their labels, and whose labels it saw.

        Votes about the other folds normally count this fold's labels too. The next folds are therefore voted on again
        without both.
        """
        rows = self.labels.rows[key]
        folds = self.labels.folds[rows.perts]
        seen = np.zeros(len(self.labels.folds), dtype=np.bool_)
        features, labels, count = [np.zeros((0, len(names)))], [np.zeros(0)], 0
        for step in range(1, MAX_FOLDS + 1):
            other = (fold + step) % FOLDS
            mine = folds == other
            if mine.any():
                seen[rows.perts[mine]] = True
                sources = self.labels.sources(key, (fold, other))
                voter = self.labels.voter(key[0], sources, self.labels.solve(sources))
                seen[voter.voting_perts] = True
                features.append(voter.features(rows.perts[mine], rows.genes[mine]))
                labels.append(rows.labels[mine])
                count += int(mine.sum())
            if count >= MIN_ROWS:
                break
        return _logistic(np.concatenate(features), np.concatenate(labels), names), seen

    def calibrate_unseen(self, key: Key) -> LineFit | None:
        """The calibration for a line without labels: each other line is held out in turn and predicted by the rest.

        None where fewer than two lines have labels of the task.
        """
        lines = self.labels.lines(key[1])
        if len(lines) < 2:
            return None
        features, labels = [], []
        for line in lines:
            rows = self.labels.rows[line, key[1]]
            sources = self.labels.other_lines((line, key[1]))
            voter = self.labels.voter(line, sources, self.labels.solve(sources))
            features.append(voter.features(rows.perts, rows.genes))
            labels.append(rows.labels)
        fit = _logistic(np.concatenate(features), np.concatenate(labels), self.voter(key).names)
        return LineFit({-1: fit}, np.zeros((FOLDS + 1, len(self.labels.folds)), dtype=np.bool_), {})


def _logistic(features: FloatArray, labels: FloatArray, names: tuple[str, ...]) -> Logistic:
    if len(np.unique(labels)) < 2:
        # Nothing to learn from: the gene's base rate is left as it is.
        return Logistic(names, tuple(float(name == "base_rate") for name in names), 0.0)
    return fit_logistic(features, labels, names)
