"""The processes of one training: one alone, or several started by `accelerate launch`.

The first one writes the run's files, runs SFT and evaluates. All of them run GRPO.
"""

from __future__ import annotations

import datetime
import os
from typing import Any

LONGEST_WAIT = datetime.timedelta(days=7)
"""The others wait while the first one runs SFT and evaluates; the launcher ends them when it dies."""


class Processes:
    """This process among those of one training."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1:
            import torch
            from accelerate import PartialState

            # The trainer keeps a process group that is already there, and with it this timeout.
            PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()

    def broadcast(self, value: Any) -> Any:
        """The first process's value, in every process."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def gather(self, items: list[Any]) -> list[Any]:
        """The items of all processes, in the order of the processes."""
        if self.size == 1:
            return items
        from accelerate.utils import gather_object

        return list(gather_object(items))
