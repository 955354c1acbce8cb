"""What every training imports; a process that forks others loads it once."""

from __future__ import annotations

import peft
import torch
import transformers
import trl

from tests.support import small_run

LOADED = (peft, torch, transformers, trl.GRPOTrainer, trl.GRPOConfig, small_run)
