"""The recipe's section `[questions]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.training.config.section import Section
from rbio_kg.training.prompts.facts import DEFAULT_FACTS, FactKind
from rbio_kg.training.prompts.messages import PromptMode
from rbio_kg.verifiers.splits import SplitScheme

Family = Literal["de", "dir", "physical", "functional", "regulation", "membership"]
DEFAULT_CELL_LINE = "k562"
"""The cell line with the most measured knockdowns in PerturbQA; the shipped sample and all reported figures have it."""


class QuestionSettings(Section):
    """The questions of the training and of the evaluation."""

    cell_line: str | None = Field(
        default=DEFAULT_CELL_LINE, description="cell line of the questions; empty or absent: all"
    )
    task: Literal["de", "dir"] = Field(default="de", description="de: does it change; dir: does it increase")
    split_scheme: SplitScheme = Field(
        default="official",
        description="which rows are for training and which for evaluation (docs/explanation/evaluation.md)",
    )
    families: list[Family] = Field(
        default_factory=list,
        description="families of the training questions, mixed; none: the task's. The evaluation keeps the task's",
    )
    shares: Literal["data", "equal"] = Field(
        default="data", description="of the families: in proportion to their questions, or in equal numbers"
    )
    file: str | None = Field(
        default=None, description="Parquet or CSV of other training questions (rbio-kg questions make), a path"
    )
    paired: bool = Field(
        default=True, description="a yes and a no about one gene side by side; false: train rows in random order"
    )
    templates: Literal["first", "all"] = Field(
        default="first", description="first: one sentence template per family; all: one of several, drawn by the seed"
    )
    prompt: PromptMode = Field(
        default="open",
        description="open: facts in the prompt; closed: names only; tools: the model can query the graph (experiment)",
    )
    facts: list[FactKind] = Field(
        default_factory=lambda: list(DEFAULT_FACTS),
        description="kinds of facts in an open-book prompt: rate, estimate (of the expression model), neighbours, "
        "names (of the neighbours), link, two_step, terms; always shown in this order",
    )
    budget: int | None = Field(
        default=None,
        ge=1,
        description="largest number of tokens of facts, by the model's tokenizer; the least useful facts are dropped",
    )
    shuffle_names: bool = Field(
        default=False, description="another gene's name for each gene in the prompts: an ablation"
    )
    neighbours: int = Field(default=6, ge=1, le=20, description="similar known knockdowns shown in an open-book prompt")
    system: str = Field(default="", description="system message of every prompt; small models are slower with one")

    @field_validator("cell_line")
    @classmethod
    def _canonical(cls, line: str | None) -> str | None:
        return line and canonical_line(line)
