"""The pool of training questions of a recipe: families by share, of the benchmark, the graph or a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Relation
from rbio_kg.core.errors import TrainingError
from rbio_kg.graph.identity.rules import NameRules
from rbio_kg.training.data.graph_questions import ALL, GRAPH_FAMILIES, available, graph_questions
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.data.question_table import as_rows, read_made_questions
from rbio_kg.training.prompts.templates import FAMILY_RELATIONS, chosen_template, family_of
from rbio_kg.verifiers.splits import divide

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.config.recipe import PolicyConfig
    from rbio_kg.training.prompts.facts import FactSource
    from rbio_kg.training.rewards.composed import ComposedReward

Tables = Mapping[str, pl.DataFrame]


def family_questions(
    benchmark: QuestionSet,
    family: str,
    *,
    rows: int,
    seed: int,
    cell_line: str | None = None,
    snapshot: Snapshot | None = None,
    reported: pl.DataFrame | None = None,
    relations: Collection[Relation] = ALL,
) -> QuestionSet:
    """About `rows` questions of one family, a yes and a no side by side.

    Args:
        benchmark: what the split scheme in force allows; only train rows are taken, so none of its test rows ever is.
        family: `de`, `dir`, or one of the graph's.
        rows: questions wanted.
        seed: of the draws.
        cell_line: of `de` and `dir`; None for all.
        snapshot: the graph, for its families.
        reported, relations: see `graph_questions`.

    Raises:
        TrainingError: an unknown family, or no facts for it.
        EvaluationError: the benchmark has no such rows.
    """
    if family not in FAMILY_RELATIONS:
        raise TrainingError(f"unknown family of questions {family!r}", hint="known: " + ", ".join(FAMILY_RELATIONS))
    if family in GRAPH_FAMILIES:
        if snapshot is None:
            raise TrainingError(f"questions of the family {family} need the graph", hint="run rbio-kg build")
        made = graph_questions(snapshot, family, rows=rows, seed=seed, reported=reported, relations=relations)
        found = QuestionSet(as_rows(made))
        parts = [found.select(split=split).pairs(seed=seed).frame for split in found.frame["split"].unique().sort()]
        return QuestionSet(pl.concat(parts))
    found = benchmark.select(split="train", cell_line=cell_line, task=family)
    proper = found.frame.filter(pl.col("pert") != pl.col("gene")).unique(["cell_line", "pert", "gene"])
    return QuestionSet(proper.sort("cell_line", "gene", "pert")).pairs(seed=seed).limit(rows, keep_pairs=True)


def with_templates(questions: QuestionSet, seed: int) -> QuestionSet:
    """The same questions, each with a template drawn by the seed where none is fixed yet."""
    families = questions.frame["task"].to_list()
    drawn = [chosen_template(claim, family, seed) for claim, family in zip(questions.claims(), families, strict=True)]
    column = pl.Series("template", drawn, dtype=pl.Int64)
    fixed = pl.col("template") if "template" in questions.frame.columns else pl.lit(None, dtype=pl.Int64)
    return QuestionSet(questions.frame.with_columns(pl.coalesce(fixed, column).alias("template")))


def scored_relations(reward: ComposedReward) -> frozenset[Relation]:
    """The relations that a reward can score: by a claim verifier, or by text verifiers alone."""
    assigner = reward.assigner

    def is_scored(relation: Relation) -> bool:
        names = assigner.verifiers_for(family_of(relation))
        claims = [name for name in names if name in reward.claim_verifiers]
        deciding = claims if claims and assigner.how == "all" else names
        return any(relation in reward.verifiers[name][0].card.relations for name in deciding)

    return frozenset(relation for relation in Relation if is_scored(relation))


def question_pool(
    benchmark: QuestionSet,
    config: PolicyConfig,
    *,
    snapshot: Snapshot | None,
    tables: Tables | None = None,
    relations: Collection[Relation] = ALL,
) -> QuestionSet:
    """The benchmark's rows and, with the column `turn`, the training rows of a recipe, in their order.

    A recipe that names neither families nor a file trains on the benchmark's train rows: then nothing is added.

    Args:
        benchmark: what the recipe's split scheme allows.
        config: the recipe; its families are mixed by `questions.shares`, as many rows as SFT and GRPO take.
        snapshot: the graph, for its families.
        tables: the graph's tables: approved names for a file, reported interactions.
        relations: those of the questions of the graph's families (see `scored_relations`).

    Raises:
        TrainingError: the file has rows that the split scheme holds out, or lacks a family.
        SourceError: the file is unreadable or malformed.
        EvaluationError: the benchmark has no rows of a family.
    """
    section = config.questions
    if not section.families and section.file is None:
        return benchmark
    wanted = config.warmup.examples + config.grpo.questions
    line = None if section.split_scheme == "leave-one-line-out" else section.cell_line or None
    by_family: dict[str, QuestionSet] = {}
    weights: dict[str, float] = {}
    if section.file is not None:
        given = _from_file(Path(section.file), benchmark, config, tables)
        for family in section.families or given.frame["task"].unique().sort().to_list():
            by_family[family] = given.select(task=family).pairs(seed=config.seed)
            weights[family] = len(by_family[family])
    reported = None if tables is None else tables["reported_interactions"]
    for family in section.families if section.file is None else ():
        found = family_questions(
            benchmark,
            family,
            rows=2 * wanted if family in GRAPH_FAMILIES else benchmark.frame.height,
            seed=config.seed,
            cell_line=line,
            snapshot=snapshot,
            reported=reported,
            relations=relations,
        )
        by_family[family] = found.select(split="train")
        if section.shares == "data":
            graph = snapshot if family in GRAPH_FAMILIES else None
            weights[family] = len(found) if graph is None else available(graph, family, relations)
    shares = weights if section.shares == "data" else dict.fromkeys(by_family, 1.0)
    mixed = _mixed(by_family, shares, wanted, config.seed)
    if section.templates == "all":
        mixed = with_templates(mixed, config.seed)
    rows = mixed.frame.with_columns(turn=pl.int_range(pl.len(), dtype=pl.Int64))
    return QuestionSet(pl.concat([benchmark.frame, rows], how="diagonal"))


def with_rates(questions: QuestionSet, source: FactSource) -> QuestionSet:
    """The same, each knockdown question with its base rate, without the subject's fold."""
    rates = [source.rate(claim) if claim.relation in KNOCKDOWN_RELATIONS else None for claim in questions.claims()]
    return QuestionSet(
        questions.frame.with_columns(pl.Series("gene_prior", rates, dtype=pl.Float64)), questions.facts, questions.names
    )


def _mixed(by_family: Mapping[str, QuestionSet], shares: Mapping[str, float], wanted: int, seed: int) -> QuestionSet:
    """Pairs of all families in random order, about `wanted` rows, by share; a short family is used up."""
    total = sum(shares.values())
    if not total:
        raise TrainingError("no question has a partner with the other answer", hint="give more questions")
    parts = [
        questions.limit(max(2, 2 * round(wanted * shares[family] / total / 2)), keep_pairs=True).frame
        for family, questions in by_family.items()
    ]
    frame = pl.concat(parts, how="diagonal")
    order = np.random.default_rng(seed).permutation(len(frame) // 2)
    return QuestionSet(frame[np.stack([2 * order, 2 * order + 1], axis=1).ravel()])


def _from_file(path: Path, benchmark: QuestionSet, config: PolicyConfig, tables: Tables | None) -> QuestionSet:
    # A policy is trained on genes of the graph only: one other name is refused.
    frame = read_made_questions(path, tables, NameRules(most=0.0)).frame.filter(pl.col("split") == "train")
    if frame.is_empty():
        raise TrainingError("the file has no train rows", where=path, hint="policies are trained on train rows only")
    leaks = held_out_rows(frame, benchmark, config)
    if len(leaks):
        first = leaks.row(0, named=True)
        raise TrainingError(
            f"{len(leaks)} train rows are held out by the {config.questions.split_scheme} split scheme, the first is "
            f"{first['pert']} on {first['gene']}",
            where=path,
            hint="leave them out, or make the file with rbio-kg questions make --protocol",
        )
    return QuestionSet(frame)


def held_out_rows(frame: pl.DataFrame, benchmark: QuestionSet, config: PolicyConfig) -> pl.DataFrame:
    """The rows about knockdowns that the split scheme holds out, or whose perturbation has a test row there."""
    section = config.questions
    rows = frame.filter(pl.col("task").is_in(list(TASK_RELATION))).with_row_index("row")
    test = benchmark.frame.filter(pl.col("split") == "test")
    here = rows.join(test.select("cell_line", "pert").unique(), on=["cell_line", "pert"], how="semi")
    shown = ["row", "pert", "gene", "split", "cell_line", "task"]
    both = pl.concat([rows.select(shown), test.select(shown[1:])], how="diagonal")
    try:
        allowed = divide(both, section.split_scheme, section.cell_line or None, seed=config.seed).train
    except TrainingError:  # nothing at all is allowed
        allowed = both.clear()
    forbidden = rows.filter(~pl.col("row").is_in(allowed["row"].implode()))
    return pl.concat([here, forbidden]).unique("row").sort("row")
