"""Decoders: from two embeddings and the structural features of a pair to its log odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rbio_kg.core.typing import FloatArray


@dataclass(frozen=True)
class LearningPairs:
    """Pairs of one relation to learn from.

    Args:
        a, b: int32 (n,), the ends.
        labels: int8 (n,), 1 true, 0 false.
        features: (n, k), standardised.
        weights: (n,), of each pair in the loss.
    """

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    labels: NDArray[np.int8]
    features: FloatArray
    weights: FloatArray


class Decoder(nn.Module):
    """Log odds of a pair from the product of its projected embeddings and its structural features.

    odds = linear(x) + w . relu(V relu(W [u * v, x] + c) + d), with x the features, u = U h_a, v = U' h_b, and U = U'
    where the relation has no direction.
    """

    def __init__(self, width: int, hidden: int, columns: int, *, symmetric: bool) -> None:
        super().__init__()
        self.subject = nn.Linear(width, width, bias=False)
        self.object = self.subject if symmetric else nn.Linear(width, width, bias=False)
        self.mix = nn.Linear(width + columns, hidden)
        self.inner = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)
        self.skip = nn.Linear(columns, 1, bias=False)
        self.gain = width**0.5

    def forward(self, subject: Tensor, other: Tensor, features: Tensor) -> Tensor:
        """Log odds (n,)."""
        product = self.gain * self.subject(subject) * self.object(other)
        hidden = functional.relu(self.mix(torch.cat((product, features), dim=1)))
        hidden = functional.relu(self.inner(hidden))
        odds: Tensor = (self.out(hidden) + self.skip(features)).squeeze(1)
        return odds

    def arrays(self) -> dict[str, FloatArray]:
        """The weights, for scoring without torch."""
        named = {
            "subject": self.gain * self.subject.weight.T,
            "object": self.object.weight.T,
            "mix": self.mix.weight.T,
            "mix_bias": self.mix.bias,
            "inner": self.inner.weight.T,
            "inner_bias": self.inner.bias,
            "out": self.out.weight[0],
            "out_bias": self.out.bias,
            "skip": self.skip.weight[0],
        }
        return {name: value.detach().cpu().numpy().astype(np.float64) for name, value in named.items()}


def weighted_loss(decoder: Decoder, subject: Tensor, other: Tensor, batch: tuple[Tensor, ...]) -> Tensor:
    """Weighted mean binary cross-entropy of (labels, features, weights)."""
    labels, features, weights = batch
    odds = decoder(subject, other, features)
    total = functional.binary_cross_entropy_with_logits(odds, labels, weight=weights, reduction="sum")
    return total / weights.sum()


def fit_decoder(
    decoder: Decoder,
    subjects: Tensor,
    objects: Tensor,
    pairs: tuple[Tensor, ...],
    *,
    passes: int,
    batch: int,
    rate: float,
) -> None:
    """Go on with a decoder alone, the embeddings fixed, in small batches; the rate falls to 0 by a cosine.

    Args:
        decoder: changed in place.
        subjects, objects: embeddings (nodes, width).
        pairs: (a, b, labels, features, weights), tensors of n rows on one device.
        passes: over the pairs.
        batch: pairs a step.
        rate: of Adam at the start.
    """
    count = len(pairs[0])
    steps = max(1, passes * ((count + batch - 1) // batch))
    optimizer = torch.optim.Adam(decoder.parameters(), lr=rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(passes):
        order = torch.randperm(count).to(pairs[0].device)
        for start in range(0, count, batch):
            chosen = order[start : start + batch]
            a, b, *rest = (part[chosen] for part in pairs)
            optimizer.zero_grad()
            loss = weighted_loss(
                decoder,
                functional.embedding(a, subjects),
                functional.embedding(b, objects),
                (rest[0], rest[1], rest[2]),
            )
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
