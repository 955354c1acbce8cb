"""GRPO by TRL's GRPOTrainer with the composed reward. Every rollout is kept, and a checkpoint resumes exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.config.acceleration import acceleration_arguments
from rbio_kg.training.grpo.checkpoints import complete_step, drop_unfinished, last_checkpoint
from rbio_kg.training.grpo.checks import check_before_training
from rbio_kg.training.grpo.monitor import TrainingMonitor, callback
from rbio_kg.training.grpo.rollouts import RolloutRecorder
from rbio_kg.training.grpo.time_budget import TimeBudget
from rbio_kg.training.models.adapters import with_adapter
from rbio_kg.training.models.loading import load_model, quiet
from rbio_kg.training.models.lora import lora_config
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.runs.resume import resume_command
from rbio_kg.training.runs.trackers import tracker_arguments, tracker_environment

if TYPE_CHECKING:
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.grpo.validation import ValidationScore
    from rbio_kg.training.runs.context import TrainingContext
    from rbio_kg.training.runs.run_folder import Run
    from rbio_kg.verifiers.text.statements import StatementChecker

LORA_MODULES = ["q_proj", "v_proj"]


class Trained(NamedTuple):
    """What GRPO returns: the model (LoRA: with its adapter, not merged) and the step that it resumed from.

    `weights` is None, or what to save where the model's own weights are sharded over processes.
    """

    model: Any
    resumed_from: int | None
    weights: dict[str, Any] | None


class AlarmError(TrainingError):
    """An alarm stopped the training, as the caller requested; its checkpoint is kept."""


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
        TrainingError: too few questions, completions that the processes cannot share, a corrupt checkpoint, or a loss
            that is not finite.
        RewardError, VerifierError: the dataset lacks a column, or a verifier fails on a claim.
    """
    run, config, processes = context.run, context.config, context.processes
    recorder = RolloutRecorder(
        context.reward,
        run.rollouts,
        run.folder.name,
        config.grpo.explained,
        checker=checker,
        processes=processes,
    )
    functions: list[Callable[..., Any]] = [recorder, *context.reward.functions[1:]]
    check_before_training(context, dataset, functions)
    checkpoint = last_checkpoint(_checkpoints(run)) if context.resume else None
    done = (complete_step(checkpoint) or 0) if checkpoint else 0
    _forget_later_steps(context, done)
    if checkpoint is not None and done >= config.grpo.steps:
        # Killed between the last step and the end. The trainer would make one step too many.
        return Trained(_finished(start, checkpoint, config), done, None)
    budget = TimeBudget(config.grpo.minutes)
    monitor = TrainingMonitor(context, validation, start.tokenizer)
    with quiet(), tracker_environment(context.report_to, run):
        trainer = _trainer(context, start, dataset, functions, environment)
        trainer.add_callback(callback(monitor))
        trainer.add_callback(budget.callback())
        _train(trainer, checkpoint, recorder)
    _check_end(context, trainer.state.global_step, monitor, budget)
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if config.acceleration.deepspeed else None
    return Trained(trainer.model, done or None, weights)


def _checkpoints(run: Run) -> Path:
    return run.checkpoints / "grpo"


def _trainer(
    context: TrainingContext,
    start: LanguageModel,
    dataset: Any,
    functions: list[Callable[..., Any]],
    environment: Callable[[], Any] | None,
) -> Any:
    """TRL's trainer, without the callback that prints every log line: standard output belongs to the caller."""
    from transformers import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    config = context.config
    lora = None
    if config.model.method == "lora":
        settings = config.grpo
        lora = lora_config(start.model, rank=settings.rank, top_layers=settings.top_layers, modules=LORA_MODULES)
    trainer = GRPOTrainer(
        model=start.model,
        reward_funcs=functions,
        args=GRPOConfig(**trainer_arguments(context)),
        train_dataset=dataset,
        processing_class=start.tokenizer,
        environment_factory=environment,
        peft_config=lora,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _train(trainer: Any, checkpoint: Path | None, recorder: RolloutRecorder) -> None:
    """Run the trainer; failures that a user can fix become TrainingErrors."""
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


def _check_end(context: TrainingContext, reached: int, monitor: TrainingMonitor, budget: TimeBudget) -> None:
    """Raise where the training ended before its last step, and not because its time was used up."""
    steps, run = context.config.grpo.steps, context.run
    if reached >= steps:
        return
    if monitor.stopped_by is not None:
        raise AlarmError(
            f"stopped by an alarm at step {reached} of {steps}: {monitor.stopped_by.message}",
            where=run.folder,
            hint=f"the checkpoint is kept; to go on all the same: {resume_command(run.folder)}",
        )
    if not budget.used_up:
        raise TrainingError(f"GRPO stopped after {reached} of {steps} steps", hint="give more questions")


def _finished(start: LanguageModel, checkpoint: Path, config: PolicyConfig) -> Any:
    """The model of the last checkpoint."""
    if config.model.method == "lora":
        return with_adapter(start.model, checkpoint)
    return load_model(str(checkpoint), config.model.weights).model


def _forget_later_steps(context: TrainingContext, done: int) -> None:
    """Drop what was recorded of steps after `done`, because they will be made again. All processes wait for it."""
    context.processes.wait()
    if context.processes.first:
        run = context.run
        drop_unfinished(_checkpoints(run))
        run.rewrite_log(line for line in run.logged() if line.get("phase") == "warmup" or _is_kept(line, done))
        run.update(alarms=[alarm for alarm in run.manifest.alarms if alarm["step"] <= done])
    context.processes.wait()


def _is_kept(line: dict[str, Any], done: int) -> bool:
    """Whether a line of GRPO's log is of a step that is not made again; what precedes the first step is, if that is."""
    return done > 0 and int(line["step"]) <= done


def trainer_arguments(context: TrainingContext) -> dict[str, Any]:
    """The arguments of TRL's `GRPOConfig`.

    All settings of the loss and of the sampling are named, because TRL's defaults changed between releases. Those that
    the recipe does not have are TRL 1.16's defaults.
    """
    import torch

    config, settings = context.config, context.config.grpo
    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(_checkpoints(context.run)),
        "run_name": context.run.folder.name,
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.completions // context.processes.size,
        "gradient_accumulation_steps": 1,
        "steps_per_generation": 1,
        "num_generations": settings.generations,
        "num_iterations": settings.num_iterations,
        # The optimiser.
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch_fused",
        "weight_decay": 0.0,
        "max_grad_norm": settings.max_grad_norm,
        # The loss.
        "beta": settings.beta,
        "loss_type": settings.loss_type,
        "epsilon": settings.epsilon,
        "epsilon_high": settings.epsilon_high,
        "importance_sampling_level": settings.importance_sampling_level,
        "mask_truncated_completions": settings.mask_truncated,
        "use_bias_correction_kl": True,
        "scale_rewards": settings.scale_rewards,
        "multi_objective_aggregation": "sum_then_normalize",
        "reward_weights": context.reward.weights,
        # Sampling.
        "max_completion_length": settings.max_tokens,
        "max_tool_calling_iterations": settings.tool_turns,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "min_p": settings.min_p,
        "repetition_penalty": settings.repetition_penalty,
        "shuffle_dataset": False,  # pairs of one gene stay side by side
        # Hardware.
        "gradient_checkpointing": False,
        "bf16": False,  # the weights already have the precision that was chosen
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "ddp_find_unused_parameters": False,
        # Logs and checkpoints.
        "seed": config.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would log the mean of earlier steps instead of what is not finite
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": 2,
        "disable_tqdm": True,
        **tracker_arguments(context.report_to),
        **acceleration_arguments(config.acceleration),
    }
