"""Which language models are refused, and why; which kinds can be trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ModelError
from rbio_kg.training.models.checks import check_trainable
from rbio_kg.training.models.loading import load_model
from rbio_kg.training.models.lora import add_lora
from rbio_kg.training.models.types import LanguageModel
from tests.support.tiny_model import save_tiny_model, tiny_model, tiny_tokenizer


def other_model(kind: str, tokenizer: Any) -> Any:
    """A random model of another family for the tiny tokenizer."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    n = len(tokenizer)
    small = {"vocab_size": n, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    if kind == "gpt2":
        return t.GPT2LMHeadModel(t.GPT2Config(vocab_size=n, n_embd=32, n_layer=2, n_head=4, n_positions=256))
    if kind == "neox":
        return t.GPTNeoXForCausalLM(t.GPTNeoXConfig(**small, intermediate_size=64))
    if kind == "qwen":
        return t.Qwen3ForCausalLM(t.Qwen3Config(**small, intermediate_size=64, num_key_value_heads=2, head_dim=8))
    if kind == "gemma2":
        return t.Gemma2ForCausalLM(
            t.Gemma2Config(
                **small, intermediate_size=64, num_key_value_heads=2, head_dim=8, final_logit_softcapping=0.1
            )
        )
    return t.BertLMHeadModel(t.BertConfig(**small, intermediate_size=64))


@pytest.mark.parametrize("kind", ["gpt2", "neox", "qwen"])
def test_causal_models_of_other_families_can_be_trained(kind: str) -> None:
    tokenizer = tiny_tokenizer()
    model = other_model(kind, tokenizer)
    check_trainable(LanguageModel(model, tokenizer, kind))
    adapted = add_lora(model, rank=2, top_layers=1, seed=0)
    assert any(value.requires_grad for value in adapted.parameters())


@pytest.mark.parametrize(
    ("kind", "message"), [("bert", "reads ahead"), ("gemma2", "changes its output layer's numbers")]
)
def test_models_that_would_be_read_wrongly(kind: str, message: str) -> None:
    tokenizer = tiny_tokenizer()
    with pytest.raises(ModelError, match=message):
        check_trainable(LanguageModel(other_model(kind, tokenizer), tokenizer, kind))


def test_a_model_that_cannot_generate(tmp_path: Path) -> None:
    import transformers as t

    tokenizer = tiny_tokenizer()
    encoder = t.T5EncoderModel(
        t.T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    )
    with pytest.raises(ModelError, match=r"a T5EncoderModel cannot generate text.*causal"):
        check_trainable(LanguageModel(encoder, tokenizer, "here"))
    encoder.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"the model cannot be loaded.*use a causal language model"):
        load_model(str(tmp_path))


def test_a_tokenizer_that_is_too_large() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    tokenizer.add_tokens([f"<extra{i}>" for i in range(5)])
    with pytest.raises(ModelError, match=r"the tokenizer has .* tokens, the model only"):
        check_trainable(LanguageModel(model, tokenizer, "here"))


def test_weights_that_are_not_numbers() -> None:
    import torch

    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        check_trainable(LanguageModel(model, tokenizer, "here"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 3}, "asks for weights that the files lack"),
        ({"num_hidden_layers": 1}, "weights that the configuration has no place for"),
        ({"intermediate_size": 128}, r"weights have another shape than the configuration says: model\.layers\.0\.mlp"),
    ],
)
def test_weights_and_configuration_of_different_models(tmp_path: Path, changes: dict[str, int], message: str) -> None:
    folder = save_tiny_model(tmp_path / "model")
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), **changes}
    config.pop("layer_types", None)
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        load_model(str(folder))
