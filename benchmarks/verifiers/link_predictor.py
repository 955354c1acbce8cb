"""The link predictor compared with heuristics and PyKEEN's models: same edges, same questions, same false pairs.

    python -m benchmarks.verifiers.link_predictor --snapshot WORKSPACE/graph/builds/ID/snapshot --folder DIR
    python -m benchmarks.verifiers.link_predictor --snapshot NEW --past OLD --folder DIR --seeds 0

The second asks for the annotations that only the new snapshot has, of models that know the old one. A seed whose result
lies in the folder is not run again. `--validation` evaluates validation edges in place of test edges.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import t as student
from sklearn.metrics import average_precision_score

from benchmarks.verifiers.link_peers import MODELS, Score, peer_scores, train_peer, vocabulary
from benchmarks.verifiers.link_speed import rates
from benchmarks.verifiers.link_tables import shown
from rbio_kg.graph.snapshot import kernels
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.verifiers.link_predictor.features import FEATURES, features
from rbio_kg.verifiers.link_predictor.fit import fit_model, natural_calibration
from rbio_kg.verifiers.link_predictor.model import LinkModel
from rbio_kg.verifiers.link_predictor.negatives import GROUPS, RELATIONS, Kind, unknown
from rbio_kg.verifiers.link_predictor.ranking import TIES, questions
from rbio_kg.verifiers.link_predictor.split import LinkSplit, split_graph
from rbio_kg.verifiers.stats.negatives import Keys, Pairs, keys_of

TEST_SHARE = 0.05
FALSE_FOR_ONE = 5
"""Hard false pairs of a kind for a true one."""
NATURAL_PAIRS = 100_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=Path, required=True, help="a built snapshot")
    parser.add_argument("--past", type=Path, help="an older one: ask for what only the other has")
    parser.add_argument("--folder", type=Path, required=True, help="for the peers' embeddings and each seed's result")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--questions", type=int, default=400, help="held-out edges of a relation ranked")
    parser.add_argument("--candidates", type=int, default=200, help="for each end of such an edge")
    parser.add_argument("--pairs", type=int, default=1_500, help="held-out edges of a relation, with hard false pairs")
    parser.add_argument("--peer-seconds", type=float, default=30.0, help="processor time to train each PyKEEN model")
    parser.add_argument("--validation", action="store_true", help="evaluate validation edges")
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sisters-together", action="store_true", help="hold out all relations of two genes together")
    options = parser.parse_args(arguments)
    logging.getLogger("pykeen").setLevel(logging.ERROR)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    results = []
    for seed in options.seeds:
        scheme = "past" if options.past else "together" if options.sisters_together else "held-out"
        place = options.folder / f"{scheme}-{seed}"
        file = place / ("validation.json" if options.validation else "result.json")
        if not file.exists():
            result = measured(options, seed, place)
            file.write_text(json.dumps(result, indent=1) + "\n")
        results.append(json.loads(file.read_text()))
    document = {"seeds": options.seeds, "summary": over_seeds(results), "runs": results}
    if options.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        shown(document)


def measured(options: argparse.Namespace, seed: int, place: Path) -> dict[str, Any]:
    """One seed: split, train everything, ask everything."""
    snapshot, rng = Snapshot.open(options.past or options.snapshot), np.random.default_rng(seed)
    share = 0.0 if options.past else TEST_SHARE
    split = split_graph(snapshot, rng, share, sisters_together=options.sisters_together)
    edges = {name: pairs.true for name, pairs in split.validation.items()} if options.validation else split.test
    if options.past:
        edges, split.negatives.known["terms"] = later(snapshot, Snapshot.open(options.snapshot))
    tell(f"seed {seed}")
    peers: dict[str, Score] = {}
    facts = {}
    for name in MODELS:
        folder = place / name
        if not (folder / "facts.json").exists():
            train_peer(
                name,
                split,
                seed=seed,
                folder=folder,
                seconds=options.peer_seconds,
                device=options.device,
                progress=tell,
            )
        facts[name] = json.loads((folder / "facts.json").read_text())
        peers[name] = peer_scores(folder, vocabulary(split.known))
    started = time.process_time()
    model, _ = fit_model(
        snapshot,
        split,
        folder=str(snapshot.directory),
        seed=seed,
        device=options.device,
        progress=lambda message, share: tell(message),
    )
    facts["rbio-kg"] = {"cpu_seconds": round(time.process_time() - started, 1)}
    edges = {name: pairs for name, pairs in edges.items() if name in model.decoders and len(pairs[0])}
    relations = {
        name: _relation(options, model, split, peers=peers, name=name, edges=pairs, rng=rng)
        for name, pairs in edges.items()
    }
    return {
        "seed": seed,
        "facts": facts,
        "relations": relations,
        "rates": rates(model, split, snapshot, place) if seed == options.seeds[0] else {},
    }


def _relation(
    options: argparse.Namespace,
    model: LinkModel,
    split: LinkSplit,
    *,
    peers: dict[str, Score],
    name: str,
    edges: Pairs,
    rng: np.random.Generator,
) -> dict[str, Any]:
    tell(f"asking {name}")

    def some(count: int) -> Pairs:
        chosen = np.sort(rng.permutation(len(edges[0]))[:count])
        return edges[0][chosen], edges[1][chosen]

    def scores(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        if name == "interacts_with":
            a, b = np.minimum(a, b), np.maximum(a, b)
        columns = features(model.parts, name, a, b)
        own = {"rbio-kg": model.log_odds(name, a, b, columns)}
        return own | heuristics(model, name, a, b, columns) | {key: score(name, a, b) for key, score in peers.items()}

    ranked = questions(rng, split.negatives, name, some(options.questions), options.candidates)
    ranks = {key: ranked.ranks(values) for key, values in scores(*ranked.pairs()).items()}
    found: dict[str, Any] = {key: {way: item.measures(way) for way in TIES} for key, item in ranks.items()}
    true = some(options.pairs)
    own = scores(*true)
    kinds: tuple[Kind, ...] = ("degree", "two_hop")
    for kind in kinds:
        false = split.negatives.draw(rng, name, kind, true, FALSE_FOR_ONE * len(true[0]))
        labels = np.repeat([1, 0], (len(true[0]), len(false[0])))
        for key, values in scores(*false).items():
            precision = average_precision_score(labels, np.concatenate((own[key], values)))
            found[key][f"ap_{kind}"] = float(precision)
    calibration = calibrated(model, split, name, edges=edges, true=true, rng=rng)
    return {"edges": len(ranked.true[0]), "pairs": len(true[0]), "models": found, "calibration": calibration}


def heuristics(model: LinkModel, name: str, a: np.ndarray, b: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
    """The peers that need no training, over the known graph; `everything` is all its relations without types."""
    g = model.graph
    at = dict(zip(FEATURES[name], columns.T, strict=True))
    subjects, objects = {
        "interacts_with": (g.interactions, g.interactions),
        "regulates": (g.regulates, g.regulated_by),
        "terms": (g.annotations, g.term_genes),
        "pathways": (g.memberships, g.pathway_genes),
    }[name]
    own = {
        "common neighbours": at["common_neighbours"],
        "Adamic-Adar": at["adamic_adar"],
        "resource allocation": at["resource_allocation"],
        "degree product": np.log1p(subjects.degrees[a]) + np.log1p(objects.degrees[b]),
    }
    if name in GROUPS:
        return own
    every = model.parts.everything
    counts = kernels.shared_neighbours(every.indptr, every.indices, a, b)
    names = ("common neighbours", "Adamic-Adar", "resource allocation")
    return own | {f"{key}, everything": values for key, values in zip(names, counts, strict=True)}


def calibrated(
    model: LinkModel, split: LinkSplit, name: str, *, edges: Pairs, true: Pairs, rng: np.random.Generator
) -> dict[str, Any]:
    """Calibration at the true base rate: edges against random pairs, each weighted to stand for all of its kind.

    The calibration is fitted on validation edges. A shift corrects for the other number of evaluated edges.
    """
    fit = natural_calibration(model, split, name, np.random.default_rng(0))
    false = split.negatives.draw(rng, name, "random", true, NATURAL_PAIRS)
    everything = split.negatives.all_pairs(name)
    shift = float(np.log(len(edges[0]) / split.held[name]))
    odds = [fit.log_odds(model.log_odds(name, *pairs)[:, None]) + shift for pairs in (true, false)]
    probability = expit(np.concatenate(odds))
    labels = np.repeat([1.0, 0.0], (len(true[0]), len(false[0])))
    weight = np.where(labels == 1, len(edges[0]) / len(true[0]), everything / len(false[0]))
    bins = np.minimum((probability * 10).astype(int), 9)
    total = weight.sum()
    gap = 0.0
    table = []
    for number in range(10):
        rows = bins == number
        if rows.any():
            share = weight[rows].sum()
            stated = float(np.average(probability[rows], weights=weight[rows]))
            rate = float(np.average(labels[rows], weights=weight[rows]))
            gap += share / total * abs(stated - rate)
            table.append({"from": number / 10, "pairs": float(share), "stated": stated, "rate": rate})
    return {
        "base_rate": float(len(edges[0]) / everything),
        "ece": float(gap),
        "expected_over_observed": float((probability * weight).sum() / len(edges[0])),
        "bins": table,
    }


def later(past: Snapshot, new: Snapshot) -> tuple[dict[str, Pairs], Keys]:
    """Direct annotations of the new snapshot between genes and terms of the old one that the old one neither has nor
    implies; and the keys of all that either knows to be true.
    """

    def moved(csr: Csr) -> Pairs:
        genes, terms = past.genes.indices(new.genes.keys), past.terms.indices(new.terms.keys)
        a, b = genes[csr.rows()], terms[csr.indices]
        there = (a >= 0) & (b >= 0)
        return a[there], b[there]

    old, (a, b) = keys_of(past.closure), moved(new.closure)
    known = np.unique(np.concatenate((old, (a.astype(np.int64) << 32) | b)))
    return {"terms": unknown(old, moved(new.annotations))}, known


def over_seeds(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and 95 % interval (Student) over the seeds; None for the interval of one."""
    out: dict[str, Any] = {}
    for name in RELATIONS:
        runs = [result["relations"][name] for result in results if name in result["relations"]]
        for key in runs[0]["models"] if runs else ():
            values = {
                **{
                    what: [run["models"][key]["realistic"][what] for run in runs]
                    for what in ("mrr", "hits@1", "hits@3", "hits@10", "amri")
                },
                **{
                    f"mrr {way}": [run["models"][key][way]["mrr"] for run in runs]
                    for way in ("optimistic", "pessimistic")
                },
                **{what: [run["models"][key][what] for run in runs] for what in ("ap_degree", "ap_two_hop")},
            }
            out.setdefault(name, {})[key] = {what: interval(numbers) for what, numbers in values.items()}
    return out


def interval(values: Sequence[float]) -> dict[str, float | None]:
    """Mean with its two-sided 95 % interval."""
    count, mean = len(values), float(np.mean(values))
    if count < 2:
        return {"mean": mean, "low": None, "high": None}
    reach = float(student.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


def tell(message: str) -> None:
    """Progress on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
