"""DeepSpeed and vLLM settings: the shipped files are ones that transformers takes, and bad ones are refused."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.config import acceleration
from rbio_kg.training.config.acceleration import (
    AccelerationSettings,
    acceleration_arguments,
    deepspeed_file,
    read_deepspeed,
)
from rbio_kg.training.config.recipe import PolicyConfig

pytestmark = pytest.mark.precision


def recipe(**settings: Any) -> AccelerationSettings:
    return PolicyConfig.make({"acceleration": settings}).acceleration


def installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let these packages seem installed: only their presence is checked."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        acceleration.importlib.util, "find_spec", lambda name: object() if name in packages else find(name)
    )


@pytest.mark.parametrize(("name", "stage"), [("zero2", 2), ("zero3", 3)])
def test_the_shipped_files_are_what_accelerate_reads(name: str, stage: int) -> None:
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    found = HfDeepSpeedConfig(str(deepspeed_file(name)))
    assert found.is_zero3() is (stage == 3)
    assert found.get_value("zero_optimization.stage") == stage
    assert read_deepspeed(deepspeed_file(name))["train_batch_size"] == "auto"
    if stage == 3:  # without it a checkpoint would hold no weights
        assert found.is_true("zero_optimization.stage3_gather_16bit_weights_on_model_save")


def test_nothing_asked_adds_nothing() -> None:
    assert acceleration_arguments(recipe()) == {}


@pytest.mark.parametrize(
    ("settings", "package"), [({"deepspeed": "zero2"}, "deepspeed"), ({"vllm": "colocate"}, "vllm")]
)
def test_a_missing_package_says_how_to_get_it(settings: dict[str, str], package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(ConfigError, match=rf"acceleration.{package}: {package} is not installed; pip install"):
        acceleration_arguments(recipe(**settings))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such DeepSpeed configuration"),
        ("{", "cannot be read as JSON"),
        ("[]", "stage must be 0, 1, 2 or 3"),
        ('{"zero_optimization": {"stage": 4}}', "stage must be 0, 1, 2 or 3"),
        ('{"zero_optimization": {"stage": 2}, "train_batch_size": 8}', 'train_batch_size must be "auto"'),
    ],
)
def test_a_bad_deepspeed_file(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "mine.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        acceleration_arguments(recipe(deepspeed=str(file)))
    assert caught.value.where == str(file)


def test_what_the_trainer_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch
    from trl import GRPOConfig

    installed(monkeypatch, "deepspeed", "vllm")
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"zero_optimization": {"stage": 1}}))
    assert acceleration_arguments(recipe(deepspeed=str(file))) == {"deepspeed": str(file)}
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="vLLM needs a GPU"):
            acceleration_arguments(recipe(vllm="colocate"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    colocate = acceleration_arguments(recipe(vllm="colocate", vllm_memory=0.4))
    server = acceleration_arguments(recipe(vllm="server", vllm_server="http://gpu:9000"))
    assert colocate == {"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.4}
    assert server == {"use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": "http://gpu:9000"}
    known = set(GRPOConfig.__dataclass_fields__)
    assert {*colocate, *server, "deepspeed"} <= known
