"""Simulated knockdown labels, drawn from a model on the graph. The package ships them instead of measured labels.

They let every later stage run and be tested; nothing learned from them is biology. The files come with a
`simulated.json`, from which the builder sets `simulated = true` on every question and on the source. Every row also has
a column `simulated`.

The model. Let s(p, q) be the similarity of two genes in the graph, the mean of three cosines: of their GO terms with
all ancestors (weighted by information content, without terms of more than half of all genes), of their STRING
neighbourhoods, and of their pathways. A few genes are *anchors*: process sensors. For a perturbation p and a line c

    logit P(label of g is 1) = rate(g, c) + strength(p, c) + GAIN z(p, anchor(g, c)) + DIRECT z(p, g) + noise(p, g)

where z is s(p, .) standardised over perturbations. Only some genes respond; the label of the others is always 0. `rate`
differs between genes, so that the base rate of a gene explains most of a pooled score, as in measured data. `strength`
differs between perturbations. `noise` belongs to the pair and is the same in both lines, so that a label in one line
has information about the other that the graph lacks. The direction of a change has the same form; every gene has its
own anchor and sign. Of every perturbation at most 20 positives and 61 to 92 negatives are kept, as in PerturbQA.
Perturbations are the unit of the split. Each line has its own split, so the lines leak into one another, as in
PerturbQA.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, ndtri

from rbio_kg.core.atomic_io import write_bytes
from rbio_kg.core.errors import BuildError
from rbio_kg.core.typing import FloatArray

LINES = ("k562", "rpe1")
"""The two lines; the names are PerturbQA's, the labels are not."""

MODEL = "logistic response on graph similarity to anchor genes, version 1"
SEED = 20261123
PERTURBATIONS, GENES, ANCHORS = 210, 300, 12
RESPONDING = 0.27
TEST_SHARE = 0.17
MOST_POSITIVES = 20
NEGATIVES = (61, 92)
GAIN, DIRECT = 1.5, 0.3
RATE, RATE_SPREAD, STRENGTH_SPREAD, NOISE_SPREAD = -2.5, 0.8, 0.7, 0.7
DIRECTION_GAIN, DIRECTION_SPREAD = 5.0, 0.5
CHANGED_IN_SECOND_LINE = 0.2


@dataclass(frozen=True)
class Simulation:
    """Questions of every line: `changes` and `directions` map a line to a frame pert, gene, label, split."""

    changes: Mapping[str, pl.DataFrame]
    directions: Mapping[str, pl.DataFrame]
    seed: int

    def write(self, directory: Path) -> list[Path]:
        """Write LINE-de.csv.gz, LINE-dir.csv.gz and simulated.json; the same simulation gives the same bytes."""
        note = {
            "simulated": True,
            "model": MODEL,
            "seed": self.seed,
            "warning": "labels drawn from a model on the graph; not a measurement of anything",
            "made_by": "rbio_kg.graph_builders.sample.simulate",
        }
        contents = {"simulated.json": (json.dumps(note, indent=2) + "\n").encode()}
        for task, frames in (("de", self.changes), ("dir", self.directions)):
            for line, frame in frames.items():
                # PerturbQA's columns and one more, so that a file without the note also says it.
                contents[f"{line}-{task}.csv.gz"] = _gzip(frame.with_columns(simulated=pl.lit(True)).write_csv())
        # The note first: an interrupted run may leave a note without labels, never labels without a note.
        for name, content in contents.items():
            write_bytes(directory / name, content)
        return [directory / name for name in contents]


def simulate(tables: Mapping[str, pl.DataFrame], *, seed: int = SEED) -> Simulation:
    """Draw knockdown labels on the graph in `tables` (genes, annotations, is_a, part_of, interactions, memberships).

    The same tables and seed give the same labels. Only uniform random numbers are drawn, because other
    distributions may change between numpy versions.

    Raises:
        BuildError: the graph has too few genes with interactions.
    """
    similarity, names = graph_similarity(tables)
    linked = np.flatnonzero(np.isin(names, np.unique(tables["interactions"].select("start", "end").to_numpy())))
    if len(linked) < max(PERTURBATIONS, GENES):
        raise BuildError(
            f"simulated labels need {max(PERTURBATIONS, GENES)} genes with interactions, the graph has {len(linked)}"
        )
    rng = np.random.default_rng(seed)
    perts = np.sort(_draw(rng, linked, PERTURBATIONS))
    genes = np.sort(_draw(rng, linked, GENES))
    anchors = _draw(rng, perts, ANCHORS)
    to_anchor = _standardised(similarity[np.ix_(perts, anchors)])
    to_gene = _standardised(similarity[np.ix_(perts, genes)])

    first = _BaseRates.draw(rng)
    lines = {LINES[0]: first, LINES[1]: first.changed(rng)}
    noise = NOISE_SPREAD * _normal(rng, (PERTURBATIONS, GENES))
    changes, directions = {}, {}
    for line, rates in lines.items():
        logit = rates.rate + rates.strength[:, None] + GAIN * to_anchor[:, rates.anchor] + DIRECT * to_gene + noise
        positive = (rng.random(logit.shape) < expit(logit)) & rates.responds & (perts[:, None] != genes)
        up_logit = rates.up + DIRECTION_GAIN * rates.sign * to_anchor[:, rates.up_anchor]
        up = rng.random(logit.shape) < expit(up_logit)
        kept = _sample(rng, positive, perts[:, None] != genes)
        test = rng.random(PERTURBATIONS).argsort().argsort() < round(TEST_SHARE * PERTURBATIONS)
        changes[line] = _frame(names[perts], names[genes], kept, positive, test)
        directions[line] = _frame(names[perts], names[genes], kept & positive, up, test)
    return Simulation(changes, directions, seed)


def graph_similarity(tables: Mapping[str, pl.DataFrame]) -> tuple[FloatArray, NDArray[np.str_]]:
    """Similarity of every pair of genes, shape (genes, genes), 0 to 1, and the genes' symbols, sorted."""
    names = tables["genes"]["symbol"].sort().to_numpy().astype(str)
    terms = _incidence(names, _with_ancestors(tables))
    share = np.asarray(terms.sum(axis=0)).ravel() / max(len(names), 1)
    weight = np.where(share <= 0.5, -np.log2(np.maximum(share, 1e-9)), 0.0)
    links = tables["interactions"]
    both = pl.concat([links.select("start", "end", "score"), links.select(start="end", end="start", score="score")])
    selves = pl.DataFrame({"start": names, "end": names}).with_columns(score=pl.lit(1000, dtype=pl.Int64))
    near = _incidence(names, pl.concat([both, selves]), "score")
    pathways = _incidence(names, tables["memberships"].select("start", "end"))
    return (_cosine(terms * weight) + _cosine(near) + _cosine(pathways)) / 3.0, names


@dataclass(frozen=True)
class _BaseRates:
    """The terms that do not depend on the graph, per monitored gene (`strength`: per perturbation) in one line."""

    responds: NDArray[np.bool_]
    rate: FloatArray
    anchor: NDArray[np.int64]
    up: FloatArray
    up_anchor: NDArray[np.int64]
    sign: FloatArray
    strength: FloatArray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _BaseRates:
        return cls(
            responds=rng.random(GENES) < RESPONDING,
            rate=RATE + RATE_SPREAD * _normal(rng, GENES),
            anchor=(rng.random(GENES) * ANCHORS).astype(np.int64),
            up=DIRECTION_SPREAD * _normal(rng, GENES),
            up_anchor=(rng.random(GENES) * ANCHORS).astype(np.int64),
            sign=np.where(rng.random(GENES) < 0.5, -1.0, 1.0),
            strength=STRENGTH_SPREAD * _normal(rng, PERTURBATIONS),
        )

    def changed(self, rng: np.random.Generator) -> _BaseRates:
        """Another line: some genes get new base rates; the strength of every perturbation stays similar."""
        other = _BaseRates.draw(rng)
        new = rng.random(GENES) < CHANGED_IN_SECOND_LINE
        return _BaseRates(
            responds=np.where(new, other.responds, self.responds),
            rate=np.where(new, other.rate, self.rate),
            anchor=np.where(new, other.anchor, self.anchor),
            up=np.where(new, other.up, self.up),
            up_anchor=np.where(new, other.up_anchor, self.up_anchor),
            sign=np.where(new, other.sign, self.sign),
            strength=0.8 * self.strength + 0.6 * other.strength,
        )


def _normal(rng: np.random.Generator, shape: int | tuple[int, ...]) -> FloatArray:
    return np.asarray(ndtri(1.0 - rng.random(shape)), dtype=np.float64)


def _draw(rng: np.random.Generator, items: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return items[rng.random(len(items)).argsort(kind="stable")[:count]]


def _standardised(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9), dtype=np.float64)


def _sample(rng: np.random.Generator, positive: NDArray[np.bool_], possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    kept = np.zeros_like(positive)
    low, high = NEGATIVES
    for row in range(len(positive)):
        yes = _draw(rng, np.flatnonzero(positive[row]), MOST_POSITIVES)
        count = low + int(rng.random() * (high - low + 1))
        no = _draw(rng, np.flatnonzero(possible[row] & ~positive[row]), count)
        kept[row, yes] = kept[row, no] = True
    return kept


def _frame(
    perts: NDArray[np.str_],
    genes: NDArray[np.str_],
    kept: NDArray[np.bool_],
    label: NDArray[np.bool_],
    test: NDArray[np.bool_],
) -> pl.DataFrame:
    row, column = np.nonzero(kept)
    frame = pl.DataFrame(
        {
            "pert": perts[row],
            "gene": genes[column],
            "label": label[row, column].astype(np.int64),
            "split": np.where(test[row], "test", "train"),
        }
    )
    # A test gene without training rows is left out.
    seen = frame.filter(pl.col("split") == "train")["gene"].unique()
    return frame.filter((pl.col("split") == "train") | pl.col("gene").is_in(seen.implode())).sort("pert", "gene")


def _with_ancestors(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    up = pl.concat([tables[name].select("start", "end") for name in ("is_a", "part_of")]).unique()
    reached = frontier = tables["annotations"].select("start", "end").unique()
    while frontier.height:
        step = frontier.join(up, left_on="end", right_on="start").select("start", end="end_right").unique()
        frontier = step.join(reached, on=["start", "end"], how="anti")
        reached = pl.concat([reached, frontier])
    return reached


def _incidence(names: NDArray[np.str_], pairs: pl.DataFrame, weight: str | None = None) -> csr_array:
    columns, column = np.unique(pairs["end"].to_numpy().astype(str), return_inverse=True)
    row = np.searchsorted(names, pairs["start"].to_numpy().astype(str))
    values = pairs[weight].to_numpy() / 1000.0 if weight else np.ones(len(row))
    return csr_array((values, (row, column)), shape=(len(names), len(columns)))


def _cosine(matrix: csr_array) -> FloatArray:
    matrix = csr_array(matrix)
    length = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
    scaled = csr_array(matrix / np.maximum(length, 1e-12)[:, None])
    return np.asarray((scaled @ scaled.T).toarray(), dtype=np.float64)


def _gzip(text: str) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=9) as stream:
        stream.write(text.encode("utf-8"))
    return buffer.getvalue()
