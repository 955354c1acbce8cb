"""PyKEEN's embedding models on the same edges as the link predictor: training, and scores of index pairs."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rbio_kg.verifiers.link_predictor.negatives import RELATIONS
from rbio_kg.verifiers.link_predictor.ranking import questions
from rbio_kg.verifiers.link_predictor.split import LinkSplit, MessageGraph

MODELS: Mapping[str, Mapping[str, Any]] = {
    "TransE": {"model": {"embedding_dim": 64, "scoring_fct_norm": 1}, "loss": "nssa", "margin": 9.0, "rate": 0.02},
    "ComplEx": {"model": {"embedding_dim": 32, "regularizer": None}, "loss": "softplus", "margin": None, "rate": 0.05},
    "RotatE": {"model": {"embedding_dim": 32}, "loss": "nssa", "margin": 9.0, "rate": 0.05},
}
"""Sizes: 64 numbers an entity. Losses as in the papers of RotatE and ComplEx; learning rates of Adam, by validation."""
BATCH = 8_192
NEGATIVES_PER_POSITIVE = 4

Score = Callable[[str, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Vocabulary:
    """Entities are the genes, then the terms, then the pathways."""

    genes: int
    terms: int
    pathways: int

    def objects(self, relation: str) -> int:
        """What to add to the position of a relation's object."""
        return {"terms": self.genes, "pathways": self.genes + self.terms}.get(relation, 0)


def vocabulary(graph: MessageGraph) -> Vocabulary:
    """Of a graph."""
    return Vocabulary(len(graph.interactions), len(graph.term_genes), len(graph.pathway_genes))


def triples(graph: MessageGraph) -> np.ndarray:
    """int64 (n, 3) of head, relation, tail: interactions both ways, regulations, direct annotations, memberships closed
    upward, and the ontology's own edges, from which the rest of the message graph follows.
    """
    words = vocabulary(graph)
    tables = (
        (graph.interactions, 0, 0),
        (graph.regulates, 0, 0),
        (graph.annotations, 0, words.genes),
        (graph.memberships, 0, words.genes + words.terms),
        (graph.term_parents, words.genes, words.genes),
    )
    parts = []
    for number, (csr, head, tail) in enumerate(tables):
        relation = np.full(len(csr.indices), number) if number < 4 else 3 + csr.weights.astype(np.int64)
        parts.append(np.stack((csr.rows() + np.int64(head), relation, csr.indices + np.int64(tail)), axis=1))
    return np.concatenate(parts).astype(np.int64)


def train_peer(
    name: str,
    split: LinkSplit,
    *,
    seed: int,
    folder: Path,
    seconds: float,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Train one model by PyKEEN's loop and write its embeddings as `.npy`; what was done as JSON.

    After every epoch 300 validation edges of each relation are ranked among 100 candidates; the best epoch is kept.
    Training ends after two epochs without a better one, or when `seconds` of processor time are spent.
    """
    import torch
    from pykeen.losses import loss_resolver
    from pykeen.models import model_resolver
    from pykeen.training import SLCWATrainingLoop
    from pykeen.triples import CoreTriplesFactory

    started, words, rng = time.process_time(), vocabulary(split.known), np.random.default_rng(seed)
    known = torch.from_numpy(triples(split.known))
    factory = CoreTriplesFactory.create(
        known,
        num_entities=words.genes + words.terms + words.pathways,
        num_relations=int(known[:, 1].max()) + 1,
    )
    ranking = {}
    for relation in RELATIONS:
        a, b = split.validation[relation].true
        chosen = rng.permutation(len(a))[:300]
        ranking[relation] = questions(rng, split.negatives, relation, (a[chosen], b[chosen]), 100)
    settings = MODELS[name]
    margin = {} if settings["margin"] is None else {"margin": settings["margin"], "adversarial_temperature": 1.0}
    torch.manual_seed(seed)
    start = {"entity_initializer": partial(torch.nn.init.normal_, std=0.1)} if name == "ComplEx" else {}
    model = model_resolver.make(
        name,
        {**settings["model"], **start},
        triples_factory=factory,
        loss=loss_resolver.make(settings["loss"], margin),
        random_seed=seed,
    ).to(torch.device(device))
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer=torch.optim.Adam(model.parameters(), lr=settings["rate"]),
        negative_sampler_kwargs={"num_negs_per_pos": NEGATIVES_PER_POSITIVE},
    )
    folder.mkdir(parents=True, exist_ok=True)
    reached: list[float] = []
    spent = time.process_time() - started
    while spent < seconds and (len(reached) < 3 or max(reached[-2:]) > max(reached[:-2])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loop.train(
                triples_factory=factory,
                num_epochs=len(reached) + 1,
                continue_training=bool(reached),
                batch_size=BATCH,
                use_tqdm=False,
                use_tqdm_batch=False,
            )
        tables = {
            "entity": model.entity_representations[0](indices=None).detach().cpu().numpy(),
            "relation": model.relation_representations[0](indices=None).detach().cpu().numpy(),
        }
        score = scoring(name, tables["entity"], tables["relation"], words)
        found = [ranking[relation].ranks(score(relation, *ranking[relation].pairs())) for relation in RELATIONS]
        reached.append(float(np.mean([item.measures()["mrr"] for item in found])))
        if reached[-1] >= max(reached):
            for kind, table in tables.items():
                np.save(folder / f"{kind}.npy", table)
        spent = time.process_time() - started
        progress(f"{name}, epoch {len(reached)}, {spent:.0f} s: validation MRR {reached[-1]:.3f}")
    facts = {
        "model": name,
        "seed": seed,
        "triples": len(known),
        "best_epoch": 1 + int(np.argmax(reached)),
        "validation_mrr": [round(value, 4) for value in reached],
        "cpu_seconds": round(spent, 1),
    }
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def peer_scores(folder: Path, words: Vocabulary) -> Score:
    """The scoring function of what `train_peer` wrote, in numpy; larger is likelier."""
    name = json.loads((folder / "facts.json").read_text())["model"]
    return scoring(name, np.load(folder / "entity.npy"), np.load(folder / "relation.npy"), words)


def scoring(name: str, entity: np.ndarray, relation: np.ndarray, words: Vocabulary) -> Score:
    """The models' own interaction functions; an undirected pair is scored both ways."""

    def one_way(number: int, head: np.ndarray, tail: np.ndarray) -> np.ndarray:
        out = np.empty(len(head))
        for start in range(0, len(head), 32_768):
            part = slice(start, start + 32_768)
            h, r, t = entity[head[part]], relation[number], entity[tail[part]]
            if name == "TransE":
                out[part] = -np.abs(h + r - t).sum(axis=1)
            elif name == "ComplEx":
                out[part] = (h * r * t.conj()).real.sum(axis=1)
            else:
                out[part] = -np.linalg.norm(h * r - t, axis=1)
        return out

    def score(what: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        number, tail = RELATIONS.index(what), b + words.objects(what)
        if what == "interacts_with":
            return one_way(number, a, tail) + one_way(number, tail, a)
        return one_way(number, a, tail)

    return score
