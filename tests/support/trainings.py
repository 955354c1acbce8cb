"""A small training in a process of its own, to be killed or limited."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forks import CONTEXT


def train(root: str, model: str, changes: dict[str, Any], largest_file: int = 0) -> None:
    """Train (or go on), with the progress in `messages.txt` and the result in `document.json`."""
    import resource

    import torch

    from rbio_kg.core.errors import RbioKGError
    from rbio_kg.training.sft import trainer as warmup
    from tests.support.small_run import run_small, small_recipe

    torch.set_num_threads(1)
    warmup.CHECKPOINT_SECONDS = 0.0  # after every step, so that a kill finds some
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    with (Path(root) / "messages.txt").open("a", encoding="utf-8", buffering=1) as messages:
        try:
            document = run_small(
                Path(root),
                small_recipe(Path(model), **changes),
                resume=True,
                progress=lambda message, share: print(message, file=messages),
            )
        except RbioKGError as error:
            print(f"error: {error}", file=messages)
            raise SystemExit(1) from error
    if os.environ.get("RANK", "0") == "0":
        (Path(root) / "document.json").write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


@dataclass(frozen=True)
class Training:
    """One small run, by its folder, its model and what its recipe changes."""

    root: Path
    model: Path
    changes: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.root / "runs" / "small"

    @property
    def messages(self) -> list[str]:
        """The messages of all processes of this run."""
        path = self.root / "messages.txt"
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def start(self, *, largest_file: int = 0) -> Any:
        """Begin, or go on where the run is there."""
        self.root.mkdir(parents=True, exist_ok=True)
        process = CONTEXT.Process(target=train, args=(str(self.root), str(self.model), self.changes, largest_file))
        process.start()
        return process

    def finish(self) -> dict[str, Any]:
        """Train to the end; the JSON form of its result."""
        process = self.start()
        process.join()
        assert process.exitcode == 0, self.messages[-3:]
        return self.document()

    def document(self) -> dict[str, Any]:
        """The result of the last training that finished."""
        found: dict[str, Any] = json.loads((self.root / "document.json").read_text(encoding="utf-8"))
        return found

    def killed(self, *, at: str, after: float) -> bool:
        """Kill the process so long after it says something, or (`at` begins with /) writes a file; False: it ended."""
        before = len(self.messages)
        process = self.start()
        while process.is_alive():
            if (
                list(self.folder.glob(at[1:]))
                if at[0] == "/"
                else any(s.startswith(at) for s in self.messages[before:])
            ):
                break
            time.sleep(0.0005)
        time.sleep(after)
        process.kill()
        process.join()
        return bool(process.exitcode == -signal.SIGKILL)


def stage_weights(folder: Path, stage: str) -> dict[str, Any]:
    """The saved weights of a stage of a run."""
    from safetensors.torch import load_file

    files = sorted((folder / "model" / stage).glob("*.safetensors"))
    return {name: value for file in files for name, value in load_file(file).items()}


def same_weights(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two stages are the same bit by bit."""
    import torch

    return bool(first) and set(first) == set(second) and all(torch.equal(first[key], second[key]) for key in first)
