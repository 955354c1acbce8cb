"""LoRA adapters of both stages: on which modules of which layers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rbio_kg.training.models.loading import quiet


def lora_config(model: Any, *, rank: int, top_layers: int | None, modules: Collection[str] = ()) -> Any:
    """PEFT's configuration of an adapter.

    Args:
        model: a causal model.
        rank: of the adapter; its scale is twice that.
        top_layers: only so many last layers, so that the backward pass stops half-way; None: all.
        modules: names of modules; all linear ones but the head where it is empty or the model lacks one of them.
    """
    import torch
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D  # the linear layers of GPT-2 and its kin

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
    """The model with a trainable adapter on all linear modules of its last `top_layers` layers (None: of all)."""
    import torch
    from peft import get_peft_model

    torch.manual_seed(seed)
    config = lora_config(model, rank=rank, top_layers=top_layers)
    with quiet():
        return get_peft_model(model, config)
