"""A complete small training: a tiny model, the toy world, a recipe of seconds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.pipeline.train import TrainingData, TrainingOptions, train_policy
from rbio_kg.training.prompts.facts import FactBook
from rbio_kg.training.rewards.composed import ComposedReward
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import WITH_NEIGHBOURS, ToyFacts, toy_questions, toy_verifier


def small_recipe(model: Path, **changes: Any) -> PolicyConfig:
    values: dict[str, Any] = {
        "model": {"name": str(model)},
        "questions": {"cell_line": "toy", "neighbours": 4, "facts": [*WITH_NEIGHBOURS]},
        "warmup": {"examples": 48, "batch_size": 8, "learning_rate": 1e-3, "rank": 4,
                   "top_layers": None, "think_share": 0.5},
        "grpo": {"steps": 4, "prompts": 2, "generations": 2, "max_tokens": 12, "learning_rate": 1e-3, "save_every": 2,
                 "questions": 16, "explained": 1, "rank": 4},
        "evaluation": {"rows": 20, "vote_rows": 6, "samples": 2},
    }  # fmt: skip
    return PolicyConfig.make(values, **changes)


def small_model(folder: Path) -> Path:
    """A tiny model trained on the format, so that its rewards differ and GRPO has something to learn."""
    from rbio_kg.training.config.recipe import WarmupSettings
    from rbio_kg.training.models.types import LanguageModel
    from rbio_kg.training.prompts.messages import prompt_text
    from rbio_kg.training.sft.examples import SftExample
    from rbio_kg.training.sft.trainer import run_sft

    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    questions = toy_questions()
    book = FactBook.fit(ToyFacts(), None, questions.claims()[:40], 4, kinds=WITH_NEIGHBOURS)
    messages = [*questions.with_facts(book).prompts(), *questions.prompts("closed")[::4]]
    examples = [
        SftExample(
            prompt_text(tokenizer, messages[i * 7 % len(messages)]), "1." if i % 32 < 24 else "", 0.2 + 0.2 * (i % 4)
        )
        for i in range(320)
    ]
    settings = WarmupSettings(batch_size=8, learning_rate=1e-2, text_weight=2.0)
    run_sft(LanguageModel(model, tokenizer, "tiny"), examples, settings, seed=0, progress=silent)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def small_reward() -> ComposedReward:
    return ComposedReward({"table": (toy_verifier(), 1.0)})


def run_small(
    root: Path, recipe: PolicyConfig, name: str = "small", *, reward: ComposedReward | None = None, **options: Any
) -> dict[str, Any]:
    """The JSON form of a small training's result; options are fields of TrainingData and TrainingOptions."""
    data = {"questions": toy_questions(), "build_id": "toy", "facts": ToyFacts()}
    data |= {field.name: options.pop(field.name) for field in fields(TrainingData) if field.name in options}
    progress = options.pop("progress", silent)
    result = train_policy(
        WorkspacePaths(root),
        name,
        recipe,
        reward=reward or small_reward(),
        data=TrainingData(**data),
        options=TrainingOptions(**options),
        progress=progress,
    )
    return {"run": name} if result is None else result.to_json()
