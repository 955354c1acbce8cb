"""Settings of the link predictor; without torch, so that its interface can name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkSettings:
    """Sizes and learning rates; the defaults fit the human graph in about a minute on one core.

    Args:
        width: of the embeddings.
        hidden: of the decoders.
        layers: of message passing.
        learning_rate: of Adam.
        weight_decay: on all parameters.
        dropout: share of embedding entries dropped in training.
        batch: pairs per relation and epoch of the encoder.
        passes: passes of a decoder over all pairs of its relation, after the encoder.
        small_batch: pairs in a step of the decoder.
        decoder_rate: learning rate of the decoder, at the start.
    """

    width: int = 32
    hidden: int = 48
    layers: int = 2
    learning_rate: float = 0.01
    weight_decay: float = 1e-5
    dropout: float = 0.2
    batch: int = 16_000
    passes: int = 6
    small_batch: int = 2_048
    decoder_rate: float = 0.004
