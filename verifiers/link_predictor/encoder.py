"""The graph network: typed message passing over the message graph. Scoring does not import it, nor torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rbio_kg.core.progress import Progress
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.snapshot.csr import Csr
from rbio_kg.verifiers.link_predictor.decoder import Decoder, LearningPairs, fit_decoder, weighted_loss
from rbio_kg.verifiers.link_predictor.settings import LinkSettings
from rbio_kg.verifiers.link_predictor.split import MessageGraph
from rbio_kg.verifiers.link_predictor.svd import Latent

with warnings.catch_warnings():
    # torch_geometric 2.8 still calls torch.jit.script on import, which torch 2.13 deprecates.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.script.*")
    from torch_geometric.nn import HeteroConv, SAGEConv

EdgeType = tuple[str, str, str]

OBJECTS = {"interacts_with": "gene", "regulates": "gene", "terms": "term", "pathways": "pathway"}
"""Node type of each relation's objects; its subjects are genes."""
SYMMETRIC = frozenset({"interacts_with"})


@dataclass(frozen=True)
class TrainedEncoder:
    """What `train_encoder` found.

    Args:
        embeddings: float32 (nodes, width) by node type over the known graph; rows of 0 for nodes without edges.
        decoders: weights by relation, see `rbio_kg.verifiers.link_predictor.decoder.Decoder`.
        losses: loss of each epoch.
    """

    embeddings: Mapping[str, NDArray[np.float32]]
    decoders: Mapping[str, Mapping[str, FloatArray]]
    losses: list[float]


class Encoder(nn.Module):
    """Learned and latent node features, then layers of typed, weighted neighbour means with a residual."""

    def __init__(self, first: Mapping[str, Tensor], edges: list[EdgeType], settings: LinkSettings) -> None:
        super().__init__()
        width = settings.width
        self.learned = nn.ParameterDict(
            {kind: nn.Parameter(0.1 * torch.randn(len(x), width)) for kind, x in first.items()}
        )
        self.entry = nn.ModuleDict({kind: nn.Linear(x.shape[1], width) for kind, x in first.items()})
        self.layers = nn.ModuleList()
        self.own: list[dict[str, nn.Linear]] = []
        for number in range(settings.layers):
            convolutions = {
                edge: SAGEConv((width, width), width, aggr="sum", root_weight=False, bias=False) for edge in edges
            }
            self.layers.append(HeteroConv(convolutions, aggr="sum"))
            self.own.append({kind: nn.Linear(width, width) for kind in first})
            self.add_module(f"own{number}", nn.ModuleDict(self.own[-1]))

    def forward(self, first: Mapping[str, Tensor], adjacency: Mapping[EdgeType, Tensor]) -> dict[str, Tensor]:
        """Embeddings (nodes, width) of every node type."""
        h = {kind: self.learned[kind] + self.entry[kind](x) for kind, x in first.items()}
        for layer, own in zip(self.layers, self.own, strict=True):
            messages = layer(h, adjacency)
            h = {
                kind: x + functional.relu(own[kind](x) + messages[kind] if kind in messages else own[kind](x))
                for kind, x in h.items()
            }
        return {kind: functional.normalize(x, dim=1) for kind, x in h.items()}


def train_encoder(
    graph: MessageGraph,
    known: MessageGraph,
    latent: Latent,
    pairs: Mapping[str, LearningPairs],
    *,
    seed: int,
    epochs: int,
    settings: LinkSettings,
    device: str | None = None,
    progress: Progress,
) -> TrainedEncoder:
    """Fit encoder and decoders together, full batch, then the decoders alone.

    Torch's global random state stays as it was.

    Args:
        graph: message graph during training.
        known: message graph of the final embeddings: `graph` and the supervision edges.
        latent: of `graph`; the nodes' first features.
        pairs: training pairs by relation; none of their true pairs is an edge of `graph`.
        seed: of initial values, dropout and batches.
        epochs: passes of the encoder.
        settings: sizes and speeds.
        device: torch device; None for a GPU where there is one.
        progress: called once an epoch.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    nodes = _active_nodes(known)
    sizes = {"gene": len(graph.interactions), "term": len(graph.term_genes), "pathway": len(graph.pathway_genes)}
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(seed)
        adjacency = {edge: _adjacency(csr, place) for edge, csr in _typed_edges(graph, nodes).items()}
        first = {kind: torch.from_numpy(_unit_spread(getattr(latent, kind)[nodes[kind]])).to(place) for kind in nodes}
        encoder = Encoder(first, list(adjacency), settings).to(place)
        decoders = {
            name: Decoder(settings.width, settings.hidden, part.features.shape[1], symmetric=name in SYMMETRIC).to(
                place
            )
            for name, part in pairs.items()
        }
        batches = {name: _on_device(part, nodes["gene"], nodes[OBJECTS[name]], place) for name, part in pairs.items()}
        parameters = [*encoder.parameters(), *nn.ModuleDict(decoders).parameters()]
        optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        losses = []
        for epoch in range(epochs):
            rate = settings.learning_rate * min(1.0, 2.0 * (1.0 - epoch / epochs))
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            embeddings = encoder(first, adjacency)
            loss = _loss(decoders, batches, embeddings, settings)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
            share = 0.7 * (epoch + 1) / epochs
            progress(f"link predictor: epoch {epoch + 1} of {epochs}, loss {losses[-1]:.3f}", share)
        encoder.eval()
        with torch.no_grad():
            embeddings = encoder(first, adjacency)
            wider = {edge: _adjacency(csr, place) for edge, csr in _typed_edges(known, nodes).items()}
            final = encoder(first, wider)
        for number, (name, decoder) in enumerate(decoders.items()):
            progress(f"link predictor: decoder of {name}", 0.7 + 0.3 * number / len(decoders))
            fit_decoder(
                decoder,
                embeddings["gene"],
                embeddings[OBJECTS[name]],
                batches[name],
                passes=settings.passes,
                batch=settings.small_batch,
                rate=settings.decoder_rate,
            )
    tables = {}
    for kind, size in sizes.items():
        table = np.zeros((size, settings.width), dtype=np.float32)
        table[nodes[kind]] = final[kind].cpu().numpy()
        tables[kind] = table
    return TrainedEncoder(tables, {name: decoder.arrays() for name, decoder in decoders.items()}, losses)


def _loss(
    decoders: Mapping[str, Decoder],
    batches: Mapping[str, tuple[Tensor, ...]],
    embeddings: Mapping[str, Tensor],
    settings: LinkSettings,
) -> Tensor:
    total = embeddings["gene"].new_zeros(())
    for name, decoder in decoders.items():
        batch = batches[name]
        if len(batch[0]) > settings.batch:
            chosen = torch.randperm(len(batch[0]))[: settings.batch].to(batch[0].device)
            batch = tuple(part[chosen] for part in batch)
        a, b, labels, features, weights = batch
        # An embedding look-up has a deterministic gradient; indexing has not on every device.
        subject = functional.dropout(functional.embedding(a, embeddings["gene"]), settings.dropout)
        other = functional.dropout(functional.embedding(b, embeddings[OBJECTS[name]]), settings.dropout)
        total = total + weighted_loss(decoder, subject, other, (labels, features, weights))
    return total


def _active_nodes(graph: MessageGraph) -> dict[str, NDArray[np.int64]]:
    g = graph
    genes = (g.interactions, g.regulates, g.regulated_by, g.annotations, g.memberships)
    return {
        "gene": np.flatnonzero(np.sum([csr.degrees for csr in genes], axis=0)),
        "term": np.flatnonzero(g.term_genes.degrees),
        "pathway": np.flatnonzero(g.pathway_genes.degrees),
    }


def _typed_edges(graph: MessageGraph, nodes: Mapping[str, NDArray[np.int64]]) -> dict[EdgeType, Any]:
    """For each edge type the matrix (targets, sources) of row-normalised weights."""
    from scipy import sparse

    def matrix(csr: Csr, rows: str, columns: str, size: int, weights: NDArray[Any] | None = None) -> Any:
        values = np.ones(len(csr.indices)) if weights is None else weights.astype(np.float64)
        full = sparse.csr_matrix((values, csr.indices, csr.indptr), shape=(len(csr), size))
        return full[nodes[rows]][:, nodes[columns]]

    genes, terms, pathways = len(graph.interactions), len(graph.term_genes), len(graph.pathway_genes)
    interactions = matrix(graph.interactions, "gene", "gene", genes, graph.interactions.weights)
    regulates = matrix(graph.regulates, "gene", "gene", genes)
    has = matrix(graph.annotations, "gene", "term", terms)
    every = matrix(graph.closure, "gene", "term", terms)
    joins = matrix(graph.memberships, "gene", "pathway", pathways)
    return {
        ("gene", "interacts", "gene"): interactions,
        ("gene", "regulates", "gene"): regulates.T.tocsr(),
        ("gene", "regulated_by", "gene"): regulates,
        ("term", "annotates", "gene"): has,
        ("gene", "has", "term"): every.T.tocsr(),
        ("pathway", "contains", "gene"): joins,
        ("gene", "joins", "pathway"): joins.T.tocsr(),
    }


def _adjacency(matrix: Any, place: torch.device) -> Tensor:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    values = matrix.data / np.repeat(np.maximum(total, 1e-9), np.diff(matrix.indptr))
    with warnings.catch_warnings():
        # torch says once a process that its sparse rows are in beta.
        warnings.filterwarnings("ignore", message=".*[Ss]parse.*", category=UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(values.astype(np.float32)),
            size=matrix.shape,
            device=place,
        )


def _on_device(
    part: LearningPairs, subjects: NDArray[np.int64], objects: NDArray[np.int64], place: torch.device
) -> tuple[Tensor, ...]:
    # A node that lost all its edges to supervision has no embedding; its pairs are left out.
    a, b = np.searchsorted(subjects, part.a), np.searchsorted(objects, part.b)
    a_there = subjects[np.minimum(a, len(subjects) - 1)] == part.a
    keep = a_there & (objects[np.minimum(b, len(objects) - 1)] == part.b)
    columns = (part.labels, part.features, part.weights)
    arrays = (a[keep], b[keep], *(column[keep].astype(np.float32) for column in columns))
    return tuple(torch.from_numpy(array).to(place) for array in arrays)


def _unit_spread(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = matrix.std(axis=0) if len(matrix) else np.ones(matrix.shape[1], dtype=np.float32)
    return (matrix / np.where(spread > 1e-12, spread, 1.0)).astype(np.float32)
