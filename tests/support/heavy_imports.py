"""What trainings and builds import; a process that forks others loads it once."""

from __future__ import annotations

import peft
import torch
import transformers
import trl

from rbio_kg.cli import app
from rbio_kg.graph.loading import loader
from rbio_kg.graph.store import store
from rbio_kg.graph_builders.build import build
from tests.support import small_run

LOADED = (peft, torch, transformers, trl.GRPOTrainer, trl.GRPOConfig, small_run, app, loader, store, build)
