"""GRPO by TRL's GRPOTrainer: the composed reward pays, every rollout is kept, a checkpoint goes on exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.errors import TrainingError
from training.language_model import LanguageModel, quiet
from training.rollouts import RolloutRecorder
from training.time_budget import TimeBudget

if TYPE_CHECKING:
    from training.recipe import PolicyConfig
    from training.rewards import ComposedReward
    from training.runs import Run

Progress = Callable[[str, float | None], None]
LORA_MODULES = ["q_proj", "v_proj"]


def check_enough(questions: int, config: PolicyConfig) -> None:
    """Raise TrainingError unless there are questions for one step; TRL would silently do nothing."""
    if questions < config.grpo.prompts:
        raise TrainingError(
            f"{questions} questions are fewer than the {config.grpo.prompts} of one GRPO step",
            hint="give more train questions, or lower grpo.prompts in the recipe",
        )


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint that TRL wrote below a folder."""
    found = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def run_grpo(
    start: LanguageModel,
    dataset: Any,
    reward: ComposedReward,
    config: PolicyConfig,
    run: Run,
    *,
    resume: bool,
    environment: Callable[[], Any] | None = None,
    progress: Progress,
) -> tuple[Any, int | None]:
    """Train `start` by GRPO.

    Args:
        start: the warmed-up model; for LoRA without adapters, because it is also the reference of the divergence.
        dataset: as `Questions.to_dataset` makes it; questions are taken in its order.
        reward: pays the completions.
        config: the recipe.
        run: gets the log, the rollouts and the checkpoints.
        resume: go on from the newest checkpoint.
        environment: makes the tools that the policy may call (see `training.graph_tools`).
        progress: told after every step.

    Returns:
        The trained model (LoRA: with its adapter, not merged) and the step it was resumed from.

    Raises:
        TrainingError: too few questions, a corrupt checkpoint, or a loss that is not finite.
    """
    import torch
    from peft import LoraConfig
    from trl import GRPOConfig, GRPOTrainer

    settings = config.grpo
    check_enough(len(dataset), config)
    folder = run.checkpoints / "grpo"
    checkpoint = last_checkpoint(folder) if resume else None
    done = _step(checkpoint)
    run.rewrite_log(line for line in run.logged() if line.get("phase") != "grpo" or line["step"] <= done)
    gpu = torch.cuda.is_available()
    budget = TimeBudget(settings.minutes)
    recorder = RolloutRecorder(reward, run.rollouts, run.folder.name, settings.explained)
    with quiet():
        arguments = GRPOConfig(
            output_dir=str(folder),
            max_steps=settings.steps,
            per_device_train_batch_size=settings.prompts * settings.generations,
            num_generations=settings.generations,
            max_completion_length=settings.max_tokens,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="constant",
            beta=settings.beta,
            max_tool_calling_iterations=settings.tool_turns,
            temperature=settings.temperature,
            scale_rewards=settings.scale_rewards,
            reward_weights=reward.weights,
            shuffle_dataset=False,  # pairs of one gene stay side by side
            gradient_checkpointing=False,
            bf16=False,  # the weights already have the precision that was chosen
            use_cpu=not gpu,
            seed=config.seed,
            logging_steps=1,
            save_strategy="steps",
            save_steps=settings.save_every,
            save_total_limit=2,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=gpu,
        )
        trainer = GRPOTrainer(
            model=start.model,
            reward_funcs=[recorder, *reward.functions[1:]],
            args=arguments,
            train_dataset=dataset,
            processing_class=start.tokenizer,
            environment_factory=environment,
            peft_config=_lora(start.model, settings.rank, LoraConfig) if config.model.method == "lora" else None,
            callbacks=[_reporter(run, settings.steps, progress), budget.callback()],
        )
        _drop_printing(trainer)
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except Exception as error:
            # Before the first batch nothing but the checkpoint is read, by readers that raise whatever they meet.
            if checkpoint is not None and recorder.batches == 0:
                raise TrainingError(
                    f"the checkpoint cannot be loaded ({type(error).__name__})",
                    where=checkpoint,
                    hint="delete that folder to go on from the one before",
                ) from error
            raise
    if trainer.state.global_step < settings.steps and not budget.used_up:
        raise TrainingError(
            f"GRPO stopped after {trainer.state.global_step} of {settings.steps} steps", hint="give more questions"
        )
    return trainer.model, done or None


def _step(checkpoint: Path | None) -> int:
    if checkpoint is None:
        return 0
    try:
        return int(json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["global_step"])
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            "the checkpoint is corrupt", where=checkpoint, hint="delete that folder to go on from the one before"
        ) from error


def _lora(model: Any, rank: int, kind: Any) -> Any:
    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    modules = LORA_MODULES if set(LORA_MODULES) <= names else "all-linear"
    return kind(r=rank, lora_alpha=2 * rank, target_modules=modules, lora_dropout=0.0, task_type="CAUSAL_LM")


def _drop_printing(trainer: Any) -> None:
    """Without its progress bar the trainer prints every log line; standard output belongs to the caller."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _reporter(run: Run, steps: int, progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        """Writes every step to the run's log, tells the progress, and stops at a loss that is not finite."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if not logs or "reward" not in logs:
                return
            numbers = {key: _finite(value) for key, value in logs.items()}
            if numbers.get("loss") is None:
                raise TrainingError(
                    f"GRPO's loss is {logs.get('loss')} at step {state.global_step}",
                    hint="lower grpo.learning_rate in the recipe",
                )
            run.log({"phase": "grpo", "step": state.global_step, **numbers})
            progress(
                f"GRPO step {state.global_step} of {steps}, mean reward {numbers['reward'] or 0.0:.3f}",
                state.global_step / steps,
            )

    return Reporter()


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
