"""Question sets: the rows that a policy is trained or evaluated on, and the data set that a trainer gets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, TASK_RELATION, Claim
from rbio_kg.core.errors import EvaluationError, TrainingError
from rbio_kg.training.prompts.messages import PromptMode, prompt_messages
from rbio_kg.training.prompts.templates import question_text
from rbio_kg.verifiers.splits import divide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rbio_kg.training.data.name_shuffling import ShuffledNames
    from rbio_kg.training.prompts.facts import FactLookup

_ORDER = ["task", "cell_line", "split", "gene", "pert"]


@dataclass(frozen=True)
class QuestionSet:
    """Questions with their answers, and where their open-book facts come from.

    Args:
        frame: the columns of `GraphTables`' `questions`. `pert` and `gene` are subject and object, `task` is the
            family. Optional columns: `relation` (what is claimed), `template` (number of the sentence template),
            `object_name` (what the object is called) and `gene_prior` (base rate of the relation for the object).
        facts: the open book.
        names: replaces the genes' names in the prompts by those of other genes.

    Example:
        >>> rows = {"pert": ["SP1", "MYC"], "gene": ["TP53", "TP53"], "label": [1, 0], "split": ["train", "train"]}
        >>> constants = {"cell_line": pl.lit("k562"), "task": pl.lit("de"), "simulated": pl.lit(False)}
        >>> frame = pl.DataFrame(rows).with_columns(**constants)
        >>> questions = QuestionSet(frame).select(split="train", task="de")
        >>> questions.texts()
        ['Does losing SP1 change TP53?', 'Does losing MYC change TP53?']
        >>> len(questions.pairs())
        2
    """

    frame: pl.DataFrame
    facts: FactLookup | None = None
    names: ShuffledNames | None = None

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, pl.DataFrame],
        *,
        split: str | None = None,
        cell_line: str | None = None,
        task: str | None = None,
        facts: FactLookup | None = None,
        limit: int | None = None,
        balanced: bool = False,
        seed: int = 0,
    ) -> Self:
        """The rows of a build.

        Args:
            tables: anything with a `questions` frame.
            split: `train` or `test`; None for both.
            cell_line: None for all.
            task: `de` or `dir`; None for both.
            facts: the open book.
            limit: largest number of rows, drawn at random.
            balanced: as many rows of label 1 as of label 0, in pairs of one gene.
            seed: of the draws.

        Raises:
            EvaluationError: a name is unknown, or no row is left.
        """
        found = cls(tables["questions"].sort(_ORDER), facts).select(split=split, cell_line=cell_line, task=task)
        if balanced:
            found = found.pairs(seed=seed)
        return found if limit is None else found.limit(limit, seed=seed, keep_pairs=balanced)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        counts = ", ".join(f"{task} {split} {n:,}" for task, split, n in self._counts().iter_rows())
        return f"QuestionSet({len(self):,} questions: {counts}{', simulated labels' if self.simulated else ''})"

    def _repr_html_(self) -> str:
        """The number of questions by family and split, for notebooks."""
        rows = "".join(f"<tr><td>{a}</td><td>{b}</td><td>{n:,}</td></tr>" for a, b, n in self._counts().iter_rows())
        note = " <b>simulated labels</b>" if self.simulated else ""
        return (
            f"<p>{len(self):,} questions{note}</p>"
            f"<table><tr><th>family</th><th>split</th><th>questions</th></tr>{rows}</table>"
        )

    def _counts(self) -> pl.DataFrame:
        return self.frame.group_by("task", "split").len().sort("task", "split")

    @property
    def simulated(self) -> bool:
        """Whether any label comes from a model instead of a laboratory."""
        return bool(self.frame["simulated"].any())

    def with_facts(self, facts: FactLookup) -> Self:
        """The same rows with an open book."""
        return replace(self, facts=facts)

    def under(self, split_scheme: str, cell_line: str | None = None, *, seed: int = 0) -> Self:
        """The train and test rows of a split scheme (see `rbio_kg.verifiers.splits.divide`).

        Raises:
            TrainingError: the split scheme is unknown, leaves no train row, or needs a cell line.
        """
        found = divide(self.frame, split_scheme, cell_line and canonical_line(cell_line), seed=seed)
        return replace(self, frame=pl.concat([found.train, found.test]).sort(_ORDER))

    def select(self, *, split: str | None = None, cell_line: str | None = None, task: str | None = None) -> Self:
        """The rows of one split, cell line and task.

        Raises:
            EvaluationError: a name is unknown (the message lists the known ones).
        """
        frame = self.frame
        for column, wanted in (
            ("task", task),
            ("cell_line", cell_line and canonical_line(cell_line)),
            ("split", split),
        ):
            if wanted is None:
                continue
            kept = frame.filter(pl.col(column) == wanted)
            if kept.is_empty():
                known = ", ".join(self.frame[column].unique().sort()) or "none at all"
                raise EvaluationError(
                    f"there are no questions with {column.replace('_', ' ')} {wanted!r}", hint=f"there are: {known}"
                )
            frame = kept
        return replace(self, frame=frame)

    def limit(self, rows: int, *, seed: int = 0, keep_pairs: bool = False) -> Self:
        """At most `rows` rows drawn at random; `keep_pairs` takes neighbouring rows two by two, in order."""
        if keep_pairs:
            return replace(self, frame=self.frame.head(rows - rows % 2))
        if rows >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), rows, replace=False))
        return replace(self, frame=self.frame[chosen])

    def training_rows(self) -> Self | None:
        """The rows with a position in the training order (`turn`, see `question_pool`), in that order.

        None where a recipe trains on the benchmark's own train rows.
        """
        if "turn" not in self.frame.columns:
            return None
        return replace(self, frame=self.frame.filter(pl.col("turn").is_not_null()).sort("turn"))

    def benchmark(self) -> Self:
        """The rows without a `turn`."""
        if "turn" not in self.frame.columns:
            return self
        return replace(self, frame=self.frame.filter(pl.col("turn").is_null()))

    def pairs(self, *, seed: int = 0) -> Self:
        """Rows of label 1 and label 0 of the same gene side by side, each row once, in random order.

        Pairs remove the gene's base rate from what there is to learn, and balance the labels.
        """
        rng = np.random.default_rng(seed)
        numbered = self.frame.with_row_index("row")
        found: list[tuple[int, int]] = []
        # Only knockdowns have a base rate of the gene: other questions are paired within their relation.
        relation = pl.col("relation") if "relation" in self.frame.columns else pl.lit(None, dtype=pl.String)
        base_rate = pl.col("task").is_in(list(TASK_RELATION))
        numbered = numbered.with_columns(partner=pl.when(base_rate).then("gene").otherwise(relation))
        for _, rows in numbered.group_by(["task", "cell_line", "partner"], maintain_order=True):
            labels, numbers = rows["label"].to_numpy(), rows["row"].to_numpy()
            ones, noughts = rng.permutation(numbers[labels == 1]), rng.permutation(numbers[labels == 0])
            found.extend(zip(ones.tolist(), noughts.tolist(), strict=False))
        order = [row for number in rng.permutation(len(found)) for row in found[number]]
        return replace(self, frame=self.frame[order])

    def shuffled(self, *, seed: int = 0) -> Self:
        """The same rows in random order, with the labels as frequent as they are."""
        return self.take(np.random.default_rng(seed).permutation(len(self)).tolist())

    def complete_genes(self, *, rows: int, seed: int = 0) -> Self:
        """All rows of randomly drawn genes that have both labels, until there are about `rows` rows.

        All rows of a gene, because the per-gene AUROC needs them. The last gene may go past `rows`; genes that
        alone would fill more than a quarter of them come last, so that few rows are not all of one gene.

        Raises:
            EvaluationError: no gene has both labels.
        """
        return self.take(self.complete_gene_rows(rows=rows, seed=seed))

    def complete_gene_rows(self, *, rows: int, seed: int = 0) -> list[int]:
        """Positions of the rows that `complete_genes` takes, ascending."""
        keys = ["task", "cell_line", "gene"]
        numbered = self.frame.with_row_index("row")
        mixed = (
            numbered.group_by(keys)
            .agg(pl.col("label").n_unique().alias("labels"), pl.len().alias("rows"))
            .filter(pl.col("labels") > 1)
            .sort(keys)
        )
        if mixed.is_empty():
            raise EvaluationError("no gene has both labels among these questions", hint="take more rows")
        counts = mixed["rows"].to_numpy()
        order = np.random.default_rng(seed).permutation(len(mixed))
        order = order[np.argsort(counts[order] > rows / 4, kind="stable")]
        before = np.concatenate([[0], np.cumsum(counts[order])[:-1]])
        chosen = mixed[np.sort(order[before < rows])].select(keys)
        return sorted(numbered.join(chosen, on=keys, how="semi")["row"].to_list())

    def take(self, rows: list[int]) -> Self:
        """The rows at these positions, in this order."""
        return replace(self, frame=self.frame[rows])

    def claims(self) -> list[Claim]:
        """The claims that label 1 makes true, in the frame's order."""
        relations = [known or TASK_RELATION[task] for known, task in self._columns("relation", "task")]
        rows = zip(self._columns("pert", "gene", "cell_line"), relations, strict=True)
        return [Claim(pert, relation, gene, line) for (pert, gene, line), relation in rows]

    def texts(self) -> list[str]:
        """The questions as they are worded, with the genes' own names."""
        columns = self._columns("task", "template", "object_name")
        return [
            question_text(claim, task, template or 0, name)
            for claim, (task, template, name) in zip(self.claims(), columns, strict=True)
        ]

    def rates(self) -> list[float | None]:
        """Base rate of each claim's relation for its object among train knockdowns, out of fold.

        It comes from the frame, else from the open book, else it is None.
        """
        known = [rate for (rate,) in self._columns("gene_prior")]
        if self.facts is None:
            return known
        return [
            self.facts.rate(claim) if rate is None and claim.relation in KNOCKDOWN_RELATIONS else rate
            for claim, rate in zip(self.claims(), known, strict=True)
        ]

    def _columns(self, *names: str) -> list[tuple[Any, ...]]:
        """Rows of these columns; None where the frame has no such column."""
        there = [pl.col(name) if name in self.frame.columns else pl.lit(None).alias(name) for name in names]
        return self.frame.select(pl.int_range(pl.len()).alias(""), *there).drop("").rows()

    def to_dataset(self, prompt_mode: PromptMode | None = None, system: str = "") -> Any:
        """A `datasets.Dataset` for TRL's trainers.

        Args:
            prompt_mode: `open` or `closed`; None is open where there is a book.
            system: a system message for every prompt; `default` gives an instruct model the answer format.

        Returns:
            Columns `prompt` (chat messages), `subject`, `relation`, `object`, `cell_line`, `gene_prior`.

        Raises:
            TrainingError: open book without facts.
        """
        from datasets import Dataset, Features, List, Value

        text = Value("string")
        features = Features(
            {
                "prompt": List({"role": text, "content": text}),
                **dict.fromkeys(("subject", "relation", "object", "cell_line"), text),
                "gene_prior": Value("float64"),
            }
        )
        claims = self.claims()
        columns: dict[str, list[Any]] = {
            "prompt": self.prompts(prompt_mode, system),
            "subject": [claim.subject for claim in claims],
            "relation": [str(claim.relation) for claim in claims],
            "object": [claim.object for claim in claims],
            "cell_line": [claim.cell_line for claim in claims],
            "gene_prior": self.rates(),
        }
        return Dataset.from_dict(columns, features=features)

    def prompts(self, prompt_mode: PromptMode | None = None, system: str = "") -> list[list[dict[str, str]]]:
        """The prompts as chat messages, in the frame's order.

        Raises:
            TrainingError: open book without facts.
        """
        closed = prompt_mode in ("closed", "tools") or (prompt_mode is None and self.facts is None)
        if not closed and self.facts is None:
            raise TrainingError(
                "open-book prompts need facts", hint="fit the expression verifier first, or set prompt_mode to closed"
            )
        book = None if closed else self.facts
        made = []
        for claim, text in zip(self.claims(), self.texts(), strict=True):
            messages = prompt_messages(claim, None if book is None else book.facts(claim), system, text)
            made.append(messages if self.names is None else self.names.in_messages(messages, claim, book))
        return made
