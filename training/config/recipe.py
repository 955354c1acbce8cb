"""The recipe of a policy run: every setting, its range and what it does; read from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rbio_kg.core.errors import ConfigError
from rbio_kg.training.prompts.facts import DEFAULT_FACTS, FactKind
from rbio_kg.training.prompts.graph_tools import CALLS
from rbio_kg.training.prompts.messages import PromptMode
from rbio_kg.training.rewards.assignment import Assignment
from rbio_kg.verifiers.pooling import DEFAULT_POOLING, DEFAULT_WEIGHTS, Pooling
from rbio_kg.verifiers.splits import SplitScheme

Method = Literal["lora", "full"]
Family = Literal["de", "dir", "physical", "functional", "regulation", "membership"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """The language model."""

    name: str = Field(default="smollm2", description="smollm2 (bundled), a folder, a GGUF file or a hub id")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="auto: bfloat16 where the hardware multiplies it, else float32; full training needs float32",
    )
    method: Method = Field(default="lora", description="lora: small adapters; full: all weights")

    @property
    def weights(self) -> Literal["auto", "float32", "bfloat16"]:
        """The precision that is loaded."""
        return "float32" if self.method == "full" else self.precision


class QuestionSettings(_Section):
    """What is asked."""

    cell_line: str | None = Field(default="k562", description="cell line of the questions; empty or absent: all")
    task: Literal["de", "dir"] = Field(default="de", description="de: does it change; dir: does it increase")
    split_scheme: SplitScheme = Field(
        default="official", description="what may be learnt from and what is asked (docs/evaluation.md)"
    )
    families: list[Family] = Field(
        default_factory=list,
        description="families of questions that are taught, mixed; none: the task's. The examination stays the task's",
    )
    shares: Literal["data", "equal"] = Field(
        default="data", description="of the families: as many questions as there are of each, or equally many"
    )
    file: str | None = Field(
        default=None, description="Parquet or CSV that is taught instead (rbio-kg questions make), a path"
    )
    paired: bool = Field(
        default=True, description="a yes and a no about one gene side by side; false: train rows as they come"
    )
    templates: Literal["first", "all"] = Field(
        default="first", description="first: one sentence template per family; all: one of several, drawn by the seed"
    )
    prompt: PromptMode = Field(
        default="open",
        description="open: facts in the prompt; closed: names only; tools: the model may ask the graph (experimental)",
    )
    facts: list[FactKind] = Field(
        default_factory=lambda: list(DEFAULT_FACTS),
        description="kinds of facts in an open-book prompt: rate, estimate (of the expression model), neighbours, "
        "names (of the neighbours), link, two_step, terms; always told in this order",
    )
    budget: int | None = Field(
        default=None,
        ge=1,
        description="at most so many tokens of facts, by the model's tokenizer; the least useful go",
    )
    shuffle_names: bool = Field(
        default=False, description="another gene's name for each gene in the prompts: an ablation"
    )
    neighbours: int = Field(default=6, ge=1, le=20, description="similar known knockdowns told in an open-book prompt")
    system: str = Field(default="", description="system message of every prompt; small models are slower with one")


class WarmupSettings(_Section):
    """Supervised warm-up: the format, and how probable yes is."""

    examples: int = Field(default=800, ge=0, description="lessons, one pass; pairs of one gene; 0: no warm-up")
    batch_size: int = Field(default=16, ge=2, multiple_of=2, description="lessons a step")
    learning_rate: float = Field(
        default=1e-3, gt=0, le=0.1, description="peak of the cosine; full training needs about 5e-5"
    )
    rank: int = Field(default=16, ge=1, description="LoRA rank")
    top_layers: int | None = Field(
        default=15, ge=1, description="LoRA on so many last layers; all where the model has fewer"
    )
    think_share: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="share of pairs with reasoning; the others answer at once, as the score reads it",
    )
    digit_weight: float = Field(default=0.5, ge=0, description="weight of the loss at the confidence digit")
    text_weight: float = Field(default=1.0, ge=0, description="weight of the loss of the other tokens")


class GrpoSettings(_Section):
    """GRPO with the composed reward."""

    steps: int = Field(default=6, ge=0, description="optimiser steps; 0: no GRPO")
    minutes: float | None = Field(
        default=None, gt=0, description="GRPO ends after so many minutes, at the latest with its last step"
    )
    prompts: int = Field(default=4, ge=1, description="questions a step")
    generations: int = Field(default=4, ge=2, description="completions a question")
    max_tokens: int = Field(default=48, ge=4, description="longest completion")
    learning_rate: float = Field(
        default=5e-4, gt=0, le=0.1, description="constant; 1e-3 collapsed in trials, full: about 1e-5"
    )
    beta: float = Field(default=0.02, ge=0, description="weight of the divergence from the warmed-up model")
    tool_turns: int = Field(default=CALLS, ge=1, description="turns in which tools may be called, with prompt = tools")
    temperature: float = Field(default=1.0, gt=0, description="of the sampled completions")
    rank: int = Field(default=16, ge=1, description="LoRA rank, on the query and value projections")
    top_layers: int | None = Field(
        default=15, ge=1, description="LoRA on so many last layers; all where the model has fewer"
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="samples from the smallest set of tokens of this mass")
    top_k: int = Field(default=0, ge=0, description="samples from this number of the most probable tokens; 0: all")
    min_p: float | None = Field(
        default=None, ge=0, le=1, description="samples tokens of at least this share of the largest probability"
    )
    repetition_penalty: float = Field(default=1.0, gt=0, description="of repeated tokens; 1: none")
    loss_type: Literal["dapo", "grpo", "dr_grpo", "bnpo", "cispo", "sapo"] = Field(
        default="dapo", description="how TRL averages the loss over tokens and completions"
    )
    epsilon: float = Field(default=0.2, gt=0, lt=1, description="lower clipping range of the probability ratio")
    epsilon_high: float | None = Field(default=None, gt=0, description="upper clipping range; absent: epsilon")
    importance_sampling_level: Literal["token", "sequence"] = Field(
        default="token", description="probability ratios per token, or one per completion"
    )
    num_iterations: int = Field(default=1, ge=1, description="optimiser steps on each batch of completions")
    mask_truncated: bool = Field(default=False, description="leave completions that reach max_tokens out of the loss")
    max_grad_norm: float = Field(default=1.0, gt=0, description="gradients are clipped to this norm")
    scale_rewards: Literal["none", "group", "batch"] = Field(
        default="none", description="none: rewards as they are; group scaling drives calibrated answers to 0 or 1"
    )
    save_every: int = Field(default=2, ge=1, description="steps between checkpoints")
    questions: int = Field(default=256, ge=2, description="train questions drawn from, in pairs of one gene")
    explained: int = Field(default=4, ge=0, description="completions a step that are stored with cited evidence")

    @property
    def completions(self) -> int:
        """Completions of a step, over all processes."""
        return self.prompts * self.generations


class RewardSettings(_Section):
    """The composed reward (see `rbio_kg.training.rewards.composed.ComposedReward`)."""

    verifiers: dict[str, float] = Field(
        default_factory=lambda: dict(DEFAULT_WEIGHTS),
        description="verifier to weight; 0: recorded, not paid",
    )
    assignment: Assignment = Field(
        default="all", description="all: every verifier that speaks on a question; one_per_row: one, drawn by weight"
    )
    verifiers_by_family: dict[Family, list[str]] = Field(
        default_factory=dict, description="names of the verifiers of a family's questions; other families: all of them"
    )
    scoring: Literal["brier", "log", "linear"] = Field(default="brier", description="how a stated probability is paid")
    pooling: Pooling = Field(default=DEFAULT_POOLING, description="how claim verifiers are pooled")
    relative_to: Literal["gene_prior"] | None = Field(default=None, description="pay what goes beyond the gene's habit")
    text_weight: float = Field(
        default=0.1, ge=0, le=1, description="share that text verifiers decide, below 0.5; 1: they alone are paid"
    )
    share_weight: float = Field(
        default=0.0, ge=0, lt=1, description="share that holds the share of yes of a question's completions at v"
    )
    round_to: float = Field(default=0.05, ge=0, le=0.5, description="scores are rounded to this step; 0: not")

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `ComposedReward`."""
        return self.model_dump(exclude={"verifiers"})


class EvaluationSettings(_Section):
    """The examination before, between and after, on test questions of whole genes."""

    rows: int = Field(default=400, ge=2, description="questions scored by likelihood, about; whole genes")
    vote_rows: int = Field(default=16, ge=0, description="of these, questions answered by sampling, about; 0: none")
    samples: int = Field(default=2, ge=1, description="sampled answers a question")
    batch_size: int = Field(default=32, ge=1, description="prompts scored at once")


class AlarmSettings(_Section):
    """When a GRPO step is called unhealthy; a threshold of 0 switches its alarm off (see
    `rbio_kg.training.grpo.alarms`)."""

    window: int = Field(default=5, ge=1, description="steps that every figure is averaged over")
    entropy: float = Field(default=0.02, ge=0, description="least entropy, nats a token: below, sampling has collapsed")
    yes_drift: float = Field(
        default=0.3, ge=0, le=1, description="largest distance of the share of yes from the verifiers' mean probability"
    )
    zero_spread: float = Field(
        default=0.9, ge=0, le=1, description="largest share of groups whose completions all earned the same"
    )
    length_drift: float = Field(
        default=2.0, ge=0, description="largest factor by which completions get longer, or shorter, than at first"
    )
    part_rise: float = Field(
        default=0.05, ge=0, description="rise of a part of the reward that counts while the held-out score falls"
    )
    held_out_fall: float = Field(
        default=0.05, ge=0, description="fall of the held-out log-likelihood below its best, nats a question"
    )
    held_out_every: int = Field(default=5, ge=0, description="steps between held-out scores; 0: none")
    held_out_questions: int = Field(
        default=64, ge=2, description="train questions kept out of the training for the held-out score, in pairs"
    )


class AccelerationSettings(_Section):
    """Training on more hardware (see `rbio_kg.training.config.acceleration`); untested on GPUs here."""

    deepspeed: str = Field(default="", description="zero2, zero3, or a DeepSpeed JSON file; empty: without DeepSpeed")
    vllm: Literal["off", "colocate", "server"] = Field(
        default="off", description="generation by vLLM: in the training processes, or by a server"
    )
    vllm_memory: float = Field(default=0.3, gt=0, lt=1, description="share of a GPU's memory for vLLM (colocate)")
    vllm_server: str = Field(default="http://127.0.0.1:8000", description="address of the vLLM server (server)")


class PolicyConfig(_Section):
    """A whole recipe. Unknown names and values out of range are errors."""

    seed: int = Field(default=0, ge=0, description="seed of everything that is random")
    model: ModelSettings = ModelSettings()
    questions: QuestionSettings = QuestionSettings()
    warmup: WarmupSettings = WarmupSettings()
    grpo: GrpoSettings = GrpoSettings()
    reward: RewardSettings = RewardSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    alarms: AlarmSettings = AlarmSettings()
    acceleration: AccelerationSettings = AccelerationSettings()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.grpo.scale_rewards == "group" and self.reward.share_weight:
            raise ValueError("grpo.scale_rewards = 'group' cannot go with a reward.share_weight; use 'none'")
        if self.grpo.scale_rewards == "group" and self.reward.scoring != "linear":
            raise ValueError(
                f"grpo.scale_rewards = 'group' cannot go with reward.scoring = {self.reward.scoring!r}: "
                "it keeps only the sign and makes stated probabilities collapse; use 'none'"
            )
        if self.reward.share_weight and self.grpo.generations < 3:
            raise ValueError("a reward.share_weight needs grpo.generations of 3 or more: a yes, a no, and others")
        if self.model.method == "full" and self.model.precision == "bfloat16":
            raise ValueError("model.method = 'full' needs model.precision = 'float32': bfloat16 rounds updates away")
        return self

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Self:
        """A recipe from a TOML file.

        Args:
            path: the file.
            changes: dotted settings that win over the file, such as `{"grpo.steps": 3}`; None counts as not given.

        Raises:
            ConfigError: the file is missing or no TOML, or a setting is unknown or out of range.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError("there is no such recipe", where=path, hint="give a TOML file with --config") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the recipe cannot be read ({error})", where=path, hint="mend the file") from error
        return cls.make(values, where=str(path), **changes)

    @classmethod
    def make(cls, values: dict[str, Any] | None = None, *, where: str = "recipe", **changes: Any) -> Self:
        """A recipe from nested values, the defaults where there are none (see `read`)."""
        merged = {key: dict(value) if isinstance(value, dict) else value for key, value in (values or {}).items()}
        for name, value in changes.items():
            if value is not None:
                section, _, field = name.rpartition(".")
                (merged.setdefault(section, {}) if section else merged)[field] = value
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "recipe"
            raise ConfigError(
                f"{name}: {first['msg']}", where=where, hint="docs/recipe.md lists every setting"
            ) from None
