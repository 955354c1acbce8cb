"""Forward passes of a causal language model: hidden states, cached prefixes, log-probabilities over the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def causal_model(model: Any) -> Any:
    """The causal language model inside an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def backbone(model: Any) -> Any:
    """The part of a causal model that computes the hidden states."""
    inner = causal_model(model)
    return getattr(inner, inner.base_model_prefix)


def hidden_states(model: Any, ids: Any) -> Any:
    """Last hidden states (batch, length, width) of right-padded ids; a causal model needs no mask for them."""
    return backbone(model)(input_ids=ids, use_cache=False).last_hidden_state


def read_states(model: Any, ids: Any) -> tuple[Any, Any]:
    """Hidden states as `hidden_states` gives them, and the key-value cache for `states_after`."""
    found = backbone(model)(input_ids=ids, use_cache=True)
    return found.last_hidden_state, found.past_key_values


def states_after(model: Any, tokens: Sequence[int], lengths: Sequence[int], cache: Any) -> Any:
    """Last hidden states (batch, len(tokens), width) of tokens that follow right-padded texts.

    Args:
        model: the model.
        tokens: token ids, the same for every text.
        lengths: lengths of the texts without padding, (batch,).
        cache: the cache of `read_states`; it is changed in place.
    """
    import torch

    device = next(model.parameters()).device
    ends = torch.tensor(lengths, device=device)[:, None]
    offsets = torch.arange(len(tokens), device=device)
    seen = torch.arange(cache.get_seq_length(), device=device)[None, :] < ends
    return backbone(model)(
        input_ids=torch.tensor([list(tokens)] * len(lengths), device=device),
        attention_mask=torch.cat(
            [seen.long(), torch.ones(len(lengths), len(tokens), dtype=torch.long, device=device)], 1
        ),
        position_ids=ends + offsets,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state


def log_probabilities(model: Any, states: Any) -> Any:
    """Log-probabilities over the vocabulary, in float32, for hidden states (n, width)."""
    return causal_model(model).get_output_embeddings()(states).float().log_softmax(-1)


def padded(rows: Sequence[Sequence[int]], pad: int, device: Any) -> Any:
    """Rows of token ids as one tensor, padded on the right."""
    import torch

    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *([pad] * (width - len(row)))] for row in rows], device=device)
