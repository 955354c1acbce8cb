"""Checkpoints on disk: which are complete, what a killed process left behind, and the error of a full disk."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rbio_kg.core.atomic_io import remove_leftovers
from rbio_kg.core.errors import TrainingError

_STATE = "trainer_state.json"  # the trainer writes it last
_DISK_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_WRITERS = ("PytorchStreamWriter", "inline_container", "No space left", "File too large", "os error 27", "os error 28")


def complete_step(checkpoint: Path) -> int | None:
    """The step of a checkpoint, or None where its process was killed while it was written."""
    try:
        step = int(json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return step if checkpoint.name == f"checkpoint-{step}" else None


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint that the trainer wrote below a folder."""
    complete = {step: path for path in folder.glob("checkpoint-*") if (step := complete_step(path)) is not None}
    return complete[max(complete)] if complete else None


def drop_unfinished(folder: Path) -> None:
    """Remove incomplete checkpoints: the next checkpoint of that step must not contain their files."""
    for path in folder.glob("checkpoint-*"):
        if complete_step(path) is None:
            shutil.rmtree(path, ignore_errors=True)


def drop_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left below a folder."""
    for inside in (folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())):
        remove_leftovers(inside)


@contextmanager
def disk_space_needed(where: Path, *, resume: str) -> Iterator[None]:
    """Turn the error of a full disk (or a quota, or a limit of file sizes) into a TrainingError that says how to go on.

    Args:
        where: what was being written.
        resume: the command that goes on.

    Raises:
        TrainingError: the disk was full. Other errors pass.
    """
    try:
        yield
    except Exception as error:
        if not _is_disk_full(error):
            raise
        raise TrainingError(
            "the disk is too full to write the training's state; the last complete checkpoint is kept",
            where=where,
            hint=f"free some space, then go on with: {resume}",
        ) from error


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that nothing more could be written.

    The libraries' writers raise errors of their own, of which only the message says so.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if not isinstance(error, OSError) and any(word in str(error) for word in _WRITERS):
            return True
        error = error.__cause__ or error.__context__
    return False
