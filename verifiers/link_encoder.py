"""The graph network: typed message passing over the message graph, and decoders that also see structural features.

The only module of the link predictor that needs torch; scoring does not import it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rbio_kg.graph.csr import Csr
from verifiers.link_split import MessageGraph

with warnings.catch_warnings():
    # torch_geometric 2.8 still calls torch.jit.script on import, which torch 2.13 deprecates.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.script.*")
    from torch_geometric.nn import HeteroConv, SAGEConv

Floats = NDArray[np.float64]
EdgeType = tuple[str, str, str]

OBJECTS = {"interacts_with": "gene", "regulates": "gene", "terms": "term", "pathways": "pathway"}
"""Node type of each relation's objects; its subjects are genes."""
SYMMETRIC = frozenset({"interacts_with"})


@dataclass(frozen=True)
class LinkSettings:
    """Sizes and speeds; the defaults fit the whole human graph in about a minute on one core.

    Args:
        width: of the embeddings.
        hidden: of the decoders.
        layers: of message passing.
        learning_rate: of Adam.
        weight_decay: on all parameters.
        dropout: share of embedding entries dropped in training.
        batch: pairs per relation and epoch.
    """

    width: int = 48
    hidden: int = 32
    layers: int = 2
    learning_rate: float = 0.01
    weight_decay: float = 1e-5
    dropout: float = 0.2
    batch: int = 16_000


@dataclass(frozen=True)
class LearningPairs:
    """Pairs of one relation to learn from: int32 ends (n,), labels (n,), standardised features (n, k)."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    labels: NDArray[np.int8]
    features: Floats


class Encoder(nn.Module):
    """Learned and spectral node features, then layers of typed, weighted neighbour means with a residual."""

    def __init__(self, spectral: Mapping[str, Tensor], edges: list[EdgeType], settings: LinkSettings) -> None:
        super().__init__()
        width = settings.width
        self.learned = nn.ParameterDict(
            {kind: nn.Parameter(0.1 * torch.randn(len(x), width)) for kind, x in spectral.items()}
        )
        self.entry = nn.ModuleDict({kind: nn.Linear(x.shape[1], width) for kind, x in spectral.items()})
        self.layers = nn.ModuleList()
        self.own: list[dict[str, nn.Linear]] = []
        for number in range(settings.layers):
            convolutions = {
                edge: SAGEConv((width, width), width, aggr="sum", root_weight=False, bias=False) for edge in edges
            }
            self.layers.append(HeteroConv(convolutions, aggr="sum"))
            self.own.append({kind: nn.Linear(width, width) for kind in spectral})
            self.add_module(f"own{number}", nn.ModuleDict(self.own[-1]))

    def forward(self, spectral: Mapping[str, Tensor], adjacency: Mapping[EdgeType, Tensor]) -> dict[str, Tensor]:
        """Embeddings (nodes, width) of every node type."""
        h = {kind: self.learned[kind] + self.entry[kind](x) for kind, x in spectral.items()}
        for layer, own in zip(self.layers, self.own, strict=True):
            heard = layer(h, adjacency)
            h = {
                kind: x + functional.relu(own[kind](x) + heard[kind] if kind in heard else own[kind](x))
                for kind, x in h.items()
            }
        return {kind: functional.normalize(x, dim=1) for kind, x in h.items()}


class Decoder(nn.Module):
    """Log odds of a pair from the product of its projected embeddings and its structural features.

    odds = linear(features) + w . relu(W [u * v, features] + c), with u = U h_a, v = V h_b and U = V where the relation
    has no direction.
    """

    def __init__(self, width: int, hidden: int, columns: int, *, symmetric: bool) -> None:
        super().__init__()
        self.subject = nn.Linear(width, width, bias=False)
        self.object = self.subject if symmetric else nn.Linear(width, width, bias=False)
        self.mix = nn.Linear(width + columns, hidden)
        self.out = nn.Linear(hidden, 1)
        self.skip = nn.Linear(columns, 1, bias=False)
        self.gain = width**0.5

    def forward(self, subject: Tensor, other: Tensor, features: Tensor) -> Tensor:
        """Log odds (n,)."""
        product = self.gain * self.subject(subject) * self.object(other)
        hidden = functional.relu(self.mix(torch.cat((product, features), dim=1)))
        odds: Tensor = (self.out(hidden) + self.skip(features)).squeeze(1)
        return odds

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """The weights, for scoring without torch."""
        named = {
            "subject": self.gain * self.subject.weight.T,
            "object": self.object.weight.T,
            "mix": self.mix.weight.T,
            "mix_bias": self.mix.bias,
            "out": self.out.weight[0],
            "out_bias": self.out.bias,
            "skip": self.skip.weight[0],
        }
        return {name: value.detach().cpu().numpy().astype(np.float64) for name, value in named.items()}


def train_encoder(
    graph: MessageGraph,
    pairs: Mapping[str, LearningPairs],
    *,
    seed: int,
    epochs: int,
    settings: LinkSettings,
    device: str | None = None,
    progress: Callable[[str, float | None], None],
) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Floats]], list[float]]:
    """Fit encoder and decoders, full batch; the global random state of torch is left as it was.

    Args:
        graph: what messages pass over.
        pairs: to learn from, by relation; none of their true pairs is an edge of `graph`.
        seed: of initial values, dropout and batches.
        epochs: passes.
        settings: sizes and speeds.
        device: torch device; None for a GPU where there is one.
        progress: called once an epoch.

    Returns:
        Embeddings by node type (all nodes of the snapshot; 0 for nodes without edges), decoder weights by relation, and
        the loss of each epoch.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    nodes = _active_nodes(graph)
    sizes = {"gene": len(graph.interactions), "term": len(graph.term_genes), "pathway": len(graph.pathway_genes)}
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(seed)
        adjacency = {edge: _adjacency(csr, place) for edge, csr in _typed_edges(graph, nodes).items()}
        spectral = {
            kind: torch.from_numpy(x).to(place)
            for kind, x in spectral_features(graph, nodes, settings.width, seed).items()
        }
        encoder = Encoder(spectral, list(adjacency), settings).to(place)
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
            embeddings = encoder(spectral, adjacency)
            loss = _loss(decoders, batches, embeddings, settings)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
            progress(f"link predictor: epoch {epoch + 1} of {epochs}, loss {losses[-1]:.3f}", (epoch + 1) / epochs)
        encoder.eval()
        with torch.no_grad():
            embeddings = encoder(spectral, adjacency)
    tables = {}
    for kind, size in sizes.items():
        table = np.zeros((size, settings.width), dtype=np.float32)
        table[nodes[kind]] = embeddings[kind].cpu().numpy()
        tables[kind] = table
    return tables, {name: decoder.arrays() for name, decoder in decoders.items()}, losses


def spectral_features(
    graph: MessageGraph, nodes: Mapping[str, NDArray[np.int64]], width: int, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Singular vectors of the genes' interactions, informative terms and pathways side by side, each column of unit
    spread; terms and pathways get the vectors of their columns.
    """
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    genes = nodes["gene"]
    blocks = []
    for csr, kind, scale in (
        (graph.interactions, "gene", None),
        (graph.closure, "term", graph.information_content),
        (graph.memberships, "pathway", None),
    ):
        size = len(graph.term_genes) if kind == "term" else len(graph.pathway_genes) if kind == "pathway" else len(csr)
        values = csr.weights.astype(np.float64) if kind == "gene" else np.ones(len(csr.indices))
        if scale is not None:
            values = values * scale[csr.indices]
        matrix = sparse.csr_matrix((values, csr.indices, csr.indptr), shape=(len(csr), size))[genes][:, nodes[kind]]
        rows, columns = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
        left, right = (sparse.diags(1.0 / np.sqrt(np.maximum(total, 1e-9))) for total in (rows, columns))
        blocks.append(left @ matrix @ right)
    stacked = sparse.hstack(blocks).tocsr()
    rank = max(1, min(width, min(stacked.shape) - 1))
    if stacked.nnz:
        left, _, right = randomized_svd(stacked, n_components=rank, n_iter=4, random_state=seed)
    else:
        left, right = np.zeros((stacked.shape[0], rank)), np.zeros((rank, stacked.shape[1]))
    ends = np.cumsum([block.shape[1] for block in blocks])
    parts = {"gene": left, "term": right[:, ends[0] : ends[1]].T, "pathway": right[:, ends[1] : ends[2]].T}
    return {kind: _unit_spread(part).astype(np.float32) for kind, part in parts.items()}


def _loss(
    decoders: Mapping[str, Decoder],
    batches: Mapping[str, tuple[Tensor, ...]],
    embeddings: Mapping[str, Tensor],
    settings: LinkSettings,
) -> Tensor:
    total = embeddings["gene"].new_zeros(())
    for name, decoder in decoders.items():
        a, b, labels, features = batches[name]
        if len(a) > settings.batch:
            chosen = torch.randperm(len(a))[: settings.batch].to(a.device)
            a, b, labels, features = a[chosen], b[chosen], labels[chosen], features[chosen]
        # An embedding look-up has a deterministic gradient; indexing has not on every device.
        subject = functional.dropout(functional.embedding(a, embeddings["gene"]), settings.dropout)
        other = functional.dropout(functional.embedding(b, embeddings[OBJECTS[name]]), settings.dropout)
        total = total + functional.binary_cross_entropy_with_logits(decoder(subject, other, features), labels)
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
    # A node that lost all its edges to supervision has no embedding; its pairs teach nothing.
    a, b = np.searchsorted(subjects, part.a), np.searchsorted(objects, part.b)
    a_there = subjects[np.minimum(a, len(subjects) - 1)] == part.a
    keep = a_there & (objects[np.minimum(b, len(objects) - 1)] == part.b)
    arrays = (a[keep], b[keep], part.labels[keep].astype(np.float32), part.features[keep].astype(np.float32))
    return tuple(torch.from_numpy(array).to(place) for array in arrays)


def _unit_spread(matrix: Floats) -> Floats:
    spread = matrix.std(axis=0) if len(matrix) else np.ones(matrix.shape[1])
    return matrix / np.where(spread > 1e-12, spread, 1.0)
