"""GRPO by TRL's GRPOTrainer: the composed reward pays, every rollout is kept, a checkpoint goes on exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.acceleration import acceleration_arguments
from rbio_kg.training.grpo.checkpoints import drop_unfinished, last_checkpoint, whole_step
from rbio_kg.training.grpo.checks import check_columns, check_enough, check_names, check_verifiers
from rbio_kg.training.grpo.monitor import TrainingMonitor, callback
from rbio_kg.training.grpo.rollouts import RolloutRecorder
from rbio_kg.training.grpo.time_budget import TimeBudget
from rbio_kg.training.models.adapters import with_adapter
from rbio_kg.training.models.loading import load_model, quiet
from rbio_kg.training.models.lora import lora_config
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.runs.distributed import Processes

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import GrpoSettings, PolicyConfig
    from rbio_kg.training.grpo.validation import ValidationScore
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.runs.context import TrainingContext
    from rbio_kg.training.runs.run_folder import Run
    from rbio_kg.verifiers.text.statements import StatementChecker

LORA_MODULES = ["q_proj", "v_proj"]


class Trained(NamedTuple):
    """What GRPO leaves: the model (LoRA: with its adapter, not merged) and the step it was resumed from.

    `weights` is None, or what to save where the model's own weights lie scattered over processes.
    """

    model: Any
    resumed_from: int | None
    weights: dict[str, Any] | None


class AlarmError(TrainingError):
    """A training that an alarm stopped, as was asked; its checkpoint is kept."""


def run_grpo(
    context: TrainingContext,
    start: LanguageModel,
    dataset: Any,
    *,
    validation: ValidationScore | None = None,
    environment: Callable[[], Any] | None = None,
    checker: StatementChecker | None = None,
) -> Trained:
    """Train a language model by GRPO.

    Args:
        context: the run, the recipe and the reward; together its processes make the completions of each step.
        start: the model after SFT; for LoRA without adapters, because it is also the reference of the divergence.
        dataset: as `QuestionSet.to_dataset` makes it; questions are taken in its order.
        validation: measured now and then for the alarms; None: never.
        environment: makes the tools that the policy may call (see `rbio_kg.training.prompts.graph_tools`).
        checker: reads what completions state, for the rollouts.

    Raises:
        AlarmError: an alarm was raised, and the context says to stop there.
        TrainingError: too few questions, a corrupt checkpoint, or a loss that is not finite.
        RewardError, VerifierError: the dataset lacks a column, or a verifier fails on a claim.
    """
    from trl import GRPOConfig, GRPOTrainer

    run, config, reward, processes = context.run, context.config, context.reward, context.processes
    settings = config.grpo
    recorder = RolloutRecorder(
        reward, run.rollouts, run.folder.name, settings.explained, checker=checker, processes=processes
    )
    functions: list[Callable[..., Any]] = [recorder, *reward.functions[1:]]
    check_enough(len(dataset), config)
    check_columns(dataset, reward)
    check_names(functions)
    check_verifiers(dataset, reward)
    folder = run.checkpoints / "grpo"
    checkpoint = last_checkpoint(folder) if context.resume else None
    done = (whole_step(checkpoint) or 0) if checkpoint else 0
    processes.wait()
    if processes.first:
        drop_unfinished(folder)
        _forget_after(run, done)
    processes.wait()
    if checkpoint is not None and done >= settings.steps:
        # Killed between the last step and the end. The trainer would make one step too many.
        return Trained(_finished(start, checkpoint, config), done, None)
    budget = TimeBudget(settings.minutes)
    monitor = TrainingMonitor(context, validation, start.tokenizer)
    with quiet():
        trainer = GRPOTrainer(
            model=start.model,
            reward_funcs=functions,
            args=GRPOConfig(**_arguments(config, reward, folder, processes)),
            train_dataset=dataset,
            processing_class=start.tokenizer,
            environment_factory=environment,
            peft_config=_lora(start.model, settings) if config.model.method == "lora" else None,
            callbacks=[callback(monitor), budget.callback()],
        )
        _drop_printing(trainer)
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except Exception as error:
            # Before the first batch nothing but the checkpoint is read, by readers that raise whatever they meet.
            if checkpoint is not None and recorder.batches == 0 and not isinstance(error, TrainingError):
                raise TrainingError(
                    f"the checkpoint cannot be loaded ({type(error).__name__})",
                    where=checkpoint,
                    hint="delete that folder to go on from the one before",
                ) from error
            if "probability tensor contains" in str(error):
                raise TrainingError(
                    "GRPO cannot go on: the model's probabilities are not finite",
                    hint="the last checkpoint is kept; start another run with a lower grpo.learning_rate",
                ) from error
            raise
    reached = trainer.state.global_step
    if monitor.stopped_by is not None and reached < settings.steps:
        raise AlarmError(
            f"stopped by an alarm at step {reached} of {settings.steps}: {monitor.stopped_by.message}",
            where=run.folder,
            hint=f"the checkpoint is kept; to go on all the same: rbio-kg train policy --resume --name "
            f"{run.folder.name}",
        )
    if reached < settings.steps and not budget.used_up:
        raise TrainingError(f"GRPO stopped after {reached} of {settings.steps} steps", hint="give more questions")
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if config.acceleration.deepspeed else None
    return Trained(trainer.model, done or None, weights)


def _finished(start: LanguageModel, checkpoint: Path, config: PolicyConfig) -> Any:
    """The model of the last checkpoint."""
    if config.model.method == "lora":
        return with_adapter(start.model, checkpoint)
    return load_model(str(checkpoint), config.model.weights).model


def _forget_after(run: Run, done: int) -> None:
    """Drop what was recorded of steps that will be made again."""
    kept = [line for line in run.logged() if line.get("phase") == "warmup" or (done > 0 and line["step"] <= done)]
    run.rewrite_log(kept)
    run.update(alarms=[alarm for alarm in run.manifest.alarms if alarm["step"] <= done])


def _arguments(config: PolicyConfig, reward: ComposedReward, folder: Path, processes: Processes) -> dict[str, Any]:
    """What TRL's GRPOConfig is made from."""
    import torch

    settings = config.grpo
    completions = settings.prompts * settings.generations
    if completions % processes.size:
        raise TrainingError(
            f"the {completions} completions of a step (grpo.prompts x grpo.generations) cannot be shared equally by "
            f"{processes.size} processes",
            hint="choose a multiple, or start fewer processes",
        )
    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "max_steps": settings.steps,
        "per_device_train_batch_size": completions // processes.size,
        "num_generations": settings.generations,
        "max_completion_length": settings.max_tokens,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "constant",
        "beta": settings.beta,
        "max_tool_calling_iterations": settings.tool_turns,
        "temperature": settings.temperature,
        "scale_rewards": settings.scale_rewards,
        "reward_weights": reward.weights,
        "shuffle_dataset": False,  # pairs of one gene stay side by side
        "gradient_checkpointing": False,
        "bf16": False,  # the weights already have the precision that was chosen
        "use_cpu": not gpu,
        "seed": config.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would log the mean of earlier steps instead of what is not finite
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": gpu,
        "ddp_find_unused_parameters": False,
        **acceleration_arguments(config),
    }


def _lora(model: Any, settings: GrpoSettings) -> Any:
    return lora_config(model, rank=settings.rank, top_layers=settings.top_layers, modules=LORA_MODULES)


def _drop_printing(trainer: Any) -> None:
    """Without its progress bar the trainer prints every log line; standard output belongs to the caller."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
