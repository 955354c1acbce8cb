"""Checks that a language model can be trained: it generates text, is causal, and its files fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rbio_kg.core.errors import ModelError
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.forward import hidden_states, log_probabilities

if TYPE_CHECKING:
    from rbio_kg.training.models.types import LanguageModel

_USE = "use a causal language model (decoder)"


def check_trainable(language_model: LanguageModel) -> None:
    """Find by one short forward pass what would otherwise fail in the middle of a training, or silently.

    Raises:
        ModelError: the model cannot generate, looks ahead (an encoder), has fewer embeddings than its tokenizer has
            tokens, shows no output layer, or changes the output layer's logits before it returns them; or the
            tokenizer does not keep answers and digits apart.
    """
    import torch

    model, tokenizer, where = language_model.model, language_model.tokenizer, language_model.path
    if not getattr(model, "can_generate", lambda: False)():
        raise ModelError(f"a {type(model).__name__} cannot generate text", where=where, hint=_USE)
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or embeddings is None:
        raise ModelError(f"a {type(model).__name__} shows no output layer", where=where, hint=_USE)
    if len(tokenizer) > embeddings.weight.shape[0]:
        raise ModelError(
            f"the tokenizer has {len(tokenizer)} tokens, the model only {embeddings.weight.shape[0]} embeddings",
            where=where,
            hint="take both from the same model",
        )
    tokens = AnswerTokens(tokenizer)
    ids = tokens.direct_prefix("Does losing A change B?")
    other = tokens.yes if ids[-1] != tokens.yes else tokens.no
    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        rows = torch.tensor([ids, [*ids[:-1], other]], device=device)
        states = hidden_states(model, rows)
        full = model(input_ids=rows[:1]).logits[0].float().log_softmax(-1)
        read = log_probabilities(model, states[0])
    wide = 1e-3 if states.dtype == torch.float32 else 0.1
    scale = 1.0 + float(states[0, :-1].float().abs().max())
    if float((states[0, :-1] - states[1, :-1]).float().abs().max()) > wide * scale:
        raise ModelError(
            f"a {type(model).__name__} reads ahead: its output at a word depends on the words after it",
            where=where,
            hint=_USE,
        )
    if not bool(torch.isfinite(full).all()):
        raise ModelError("the model's answers are not finite numbers", where=where, hint="restore the model's files")
    if float((full - read).abs().max()) > 10 * wide * (1.0 + float(read.abs().max())):
        raise ModelError(
            f"a {type(model).__name__} changes its output layer's numbers (scaling or capping), which is not supported",
            where=where,
            hint="use another model",
        )


def check_loading(found: Any, path: str, names: set[str]) -> None:
    """Raise ModelError where weights and configuration do not fit; transformers would fill gaps with random numbers.

    Args:
        found: the loading report of `from_pretrained(..., output_loading_info=True)`.
        path: of the model.
        names: of the model's own weights.
    """
    missing = sorted(found["missing_keys"])
    wrong = sorted(str(item[0] if isinstance(item, (tuple, list)) else item) for item in found["mismatched_keys"])
    # One more layer than the configuration says is a mistake; a value head is not.
    patterns = {re.sub(r"\d+", "#", name) for name in names}
    surplus = sorted(name for name in found["unexpected_keys"] if re.sub(r"\d+", "#", name) in patterns)
    for listed, what in (
        (missing, "the configuration asks for weights that the files lack"),
        (wrong, "weights have another shape than the configuration says"),
        (surplus, "the files hold weights that the configuration has no place for"),
    ):
        if listed:
            raise ModelError(
                f"{what}: {listed[0]}" + (f" and {len(listed) - 1} more" if len(listed) > 1 else ""),
                where=path,
                hint="config.json and the weights are of different models: take both from one",
            )
