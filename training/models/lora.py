"""LoRA adapters of SFT and GRPO: on which modules of which layers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rbio_kg.training.models.loading import quiet
from rbio_kg.training.models.randomness import seeded


def lora_config(model: Any, *, rank: int, top_layers: int | None, modules: Collection[str] = ()) -> Any:
    """PEFT's configuration of an adapter.

    Args:
        model: a causal model.
        rank: of the adapter; its scale is twice that.
        top_layers: number of last layers with an adapter; the backward pass stops below them. None: all layers.
        modules: names of modules. All linear modules but the head where it is empty or the model lacks one of them.
    """
    import torch
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D  # the linear layers of GPT-2

    head = model.get_output_embeddings()
    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not head
    }
    layers = model.config.num_hidden_layers
    chosen = None if top_layers is None or top_layers >= layers else list(range(layers - top_layers, layers))
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=sorted(set(modules) if modules and set(modules) <= linear else linear),
        layers_to_transform=chosen,
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )


def add_lora(model: Any, *, rank: int, top_layers: int | None, seed: int) -> Any:
    """The model with a trainable adapter on all linear modules of its last `top_layers` layers (None: of all).

    The adapter's weights are drawn with the seed; torch's random state stays as it was.
    """
    from peft import get_peft_model

    config = lora_config(model, rank=rank, top_layers=top_layers)
    with seeded(seed), quiet():
        return get_peft_model(model, config)
