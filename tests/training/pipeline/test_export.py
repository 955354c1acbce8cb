"""Exported policies load with the Hub's libraries alone, and think what the trained policy thinks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ModelError, TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.training.models.adapters import load_stages
from rbio_kg.training.models.loading import quiet
from rbio_kg.training.pipeline.export import export_model
from tests.support.small_run import run_small, small_model, small_recipe

pytestmark = pytest.mark.precision

QUICK = {"evaluation.vote_rows": 0, "evaluation.rows": 8, "grpo.steps": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    model = small_model(root / "tiny")
    run_small(root, small_recipe(model, **{**QUICK, "warmup.top_layers": 1}), name="lora")
    full = {**QUICK, "model.method": "full", "warmup.learning_rate": 1e-3, "grpo.learning_rate": 1e-4}
    run_small(root, small_recipe(model, **full), name="full")
    return root


def export(root: Path, name: str, out: Path, *, merge: bool) -> dict[str, Any]:
    return export_model(WorkspacePaths(root), name, out, merge=merge, progress=silent).to_json()


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([[5, 70, 91, 13, 200, 44]])).logits


def trained(root: Path, name: str) -> Any:
    method = "full" if name == "full" else "lora"
    return load_stages(str(root / "tiny"), root / "runs" / name / "model", method, "float32").model  # type: ignore[arg-type]


def test_merged_weights_load_with_transformers_alone(root: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    document = export(root, "lora", tmp_path / "out", merge=True)
    assert document["form"] == "merged"
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(document["files"])
    loaded, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    wanted = logits(trained(root, "lora"))
    assert loaded.dtype == torch.float32  # whatever precision the run was trained with
    assert torch.allclose(logits(loaded), wanted, atol=1e-5)
    assert not torch.allclose(logits(AutoModelForCausalLM.from_pretrained(root / "tiny")), wanted, atol=1e-3)
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template


def test_one_adapter_does_what_both_stages_do(root: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    document = export(root, "lora", tmp_path / "out", merge=False)
    assert document["form"] == "adapter"
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(document["files"])
    base = AutoModelForCausalLM.from_pretrained(root / "tiny")
    with quiet():
        adapted = PeftModel.from_pretrained(base, str(tmp_path / "out"))
    assert torch.allclose(logits(adapted), logits(trained(root, "lora")), atol=1e-5)
    ranks = {name: value.shape[0] for name, value in load_file(tmp_path / "out/adapter_model.safetensors").items()
             if "lora_A" in name}  # fmt: skip
    # SFT adapts the last layer, GRPO the queries and values of all.
    assert {rank for name, rank in ranks.items() if "layers.1" in name and "q_proj" in name} == {8}
    assert {rank for name, rank in ranks.items() if "layers.0" in name} == {4}


def test_a_run_of_all_weights_gives_all_weights(root: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    assert export(root, "full", tmp_path / "out", merge=False)["form"] == "merged"
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(logits(loaded), logits(trained(root, "full")))


def test_the_card_has_data_recipe_metrics_and_limits(root: Path, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    export(root, "lora", tmp_path / "out", merge=False)
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.library_name == "peft"
    assert {"grpo", "knowledge-graph", "simulated-labels"} <= set(card.data.tags)
    for text in ("SIMULATED", "## Data", "graph build `toy`", "## Recipe", '"learning_rate"', "## Metrics",
                 "| after training |", "| baseline: gene prior |", "## Limits", "Research use"):  # fmt: skip
        assert text in card.text
    assert "More Information Needed" not in card.text
    stage_card = (root / "runs/lora/model/grpo/README.md").read_text()
    assert "belongs on the model after SFT" in stage_card
    assert "More Information Needed" not in stage_card


def test_what_cannot_be_exported(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no run called 'none'"):
        export(root, "none", tmp_path / "out", merge=True)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(ModelError, match="the folder is in use"):
        export(root, "lora", tmp_path / "used", merge=True)
    adapter = root / "runs/lora/model/warmup/adapter_model.safetensors"
    content = adapter.read_bytes()
    adapter.write_bytes(b"cut")
    try:
        for merge in (True, False):
            with pytest.raises(ModelError, match="the adapter cannot be loaded"):
                export(root, "lora", tmp_path / "out", merge=merge)
    finally:
        adapter.write_bytes(content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used"]
