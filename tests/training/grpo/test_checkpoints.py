"""Checkpoints: only complete ones count, leftovers go, and a full disk is distinguished from other faults."""

from __future__ import annotations

import errno
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.grpo.checkpoints import (
    complete_step,
    disk_space_needed,
    drop_leftovers,
    drop_unfinished,
    last_checkpoint,
)

pytestmark = pytest.mark.precision


def checkpoint(folder: Path, step: int, state: str | None = None) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    if state != "":
        (path / "trainer_state.json").write_text(state or json.dumps({"global_step": step}))
    return path


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    checkpoint(tmp_path, 2)
    checkpoint(tmp_path, 4, "")  # killed before its last file
    checkpoint(tmp_path, 6, '{"global_step": ')  # killed inside it
    checkpoint(tmp_path, 8, '{"global_step": 2}')  # a copy under a wrong name
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    checkpoint(tmp_path, 10)
    found = last_checkpoint(tmp_path)
    assert found == tmp_path / "checkpoint-10"
    assert complete_step(found) == 10
    drop_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-2"]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "model" / ".grpo.123.tmp").mkdir(parents=True)
    (tmp_path / "model" / ".grpo.123.tmp" / "adapter.safetensors").write_bytes(b"half")
    (tmp_path / ".manifest.json.123.tmp").write_text("{")
    (tmp_path / "manifest.json").write_text("{}")
    drop_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["manifest.json", "model"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may get larger: writers meet what a full disk shows them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("writer", ["python", "torch", "safetensors"])
def test_a_full_disk_is_one_clear_error_whoever_writes(tmp_path: Path, writer: str) -> None:
    import torch
    from safetensors.torch import save_file

    values = torch.zeros(100_000)
    write: dict[str, Callable[[Path], object]] = {
        "python": lambda path: path.write_bytes(bytes(400_000)),
        "torch": lambda path: torch.save(values, path),
        "safetensors": lambda path: save_file({"values": values}, path),
    }
    with (
        pytest.raises(TrainingError, match="the disk is too full") as caught,
        disk_space_needed(tmp_path, resume="the command"),
        largest_file(10_000),
    ):
        write[writer](tmp_path / "file")
    assert "go on with: the command" in str(caught.value)


def test_other_faults_pass(tmp_path: Path) -> None:
    for fault in (KeyError("x"), OSError(errno.EACCES, "not allowed"), TrainingError("another")):
        with pytest.raises(type(fault)) as caught, disk_space_needed(tmp_path, resume="the command"):
            raise fault
        assert caught.value is fault
