"""The leakage audit: before anything is evaluated, is a test row known to what is evaluated?

An audit is made of the test rows, then shown everything that the evaluated model may know; the first leak ends the
evaluation. What it looked at is counted and goes into the evaluation's document.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rbio_kg.core.claims import TASK_RELATION, Claim
from rbio_kg.core.errors import EvaluationError
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.verifiers.expression.verifier import ExpressionVerifier

if TYPE_CHECKING:
    from rbio_kg.graph.store.store import GraphStore
    from rbio_kg.training.evaluation.inputs import EvaluationInputs
    from rbio_kg.training.prompts.facts import FactLookup
    from rbio_kg.verifiers.expression.model import ExpressionModel

ROW = ["cell_line", "pert", "gene"]
"""What makes a row. The task is not part of it: a known direction implies a change."""

_STORED = """
MATCH (pert:Gene)-[change:KNOCKDOWN_CHANGES]->(gene:Gene) WHERE change.cell_line IN $lines
RETURN pert.symbol AS pert, gene.symbol AS gene, change.cell_line AS cell_line
"""


class Audit:
    """Looks for test rows in what a model may know.

    Args:
        test: the complete test split (also rows that a limit leaves out), with `pert,gene,cell_line,task`.
        split_scheme: whose rules the training data must keep (see `rbio_kg.verifiers.splits`).
        held_out: False where the rows are train rows that are scored out of fold: they are allowed in the training data
            and in the graph, and still in no calibration that answers for them.

    Every method raises an EvaluationError on a leak, which names a row, where it was found and what to do.
    """

    def __init__(self, test: pl.DataFrame, split_scheme: str, *, held_out: bool = True) -> None:
        self.test = test
        self.split_scheme = split_scheme
        self.held_out = held_out
        self.checked: dict[str, int] = {"rows": len(test)}

    @property
    def document(self) -> dict[str, Any]:
        """`checked` {what: how many} and `leaks`, which is 0: an audit that finds one has raised."""
        return {"checked": dict(self.checked), "leaks": 0}

    def training(self, rows: pl.DataFrame, where: Path | str | None, what: str = "train_rows") -> None:
        """No test row among training rows, and nothing that the split scheme forbids.

        Args:
            rows: with `pert,gene,cell_line,task`; only questions about knockdowns count.
            where: they come from.
            what: they are counted as.
        """
        rows = rows.filter(pl.col("task").is_in(list(TASK_RELATION)))
        self._count(what, len(rows))
        if not self.held_out:
            return
        hint = "take the test rows out of what is trained on, and train again"
        self._refuse(self.test.join(rows, on=ROW, how="semi"), "is in the training data", where, hint)
        rules = {
            "global": ("pert", "has its perturbation in the training data"),
            "leave-one-line-out": ("cell_line", "has its cell line in the training data"),
            "gene-disjoint": ("gene", "has its monitored gene in the training data"),
        }
        if self.split_scheme in rules:
            column, found = rules[self.split_scheme]
            hint = f"train again under the {self.split_scheme} split scheme"
            self._refuse(self.test.join(rows, on=column, how="semi"), found, where, hint)

    def graph(self, knockdowns: pl.DataFrame, where: Path | str | None) -> None:
        """No test row among the build's KNOCKDOWN_CHANGES, a table with `start,end,cell_line`."""
        self._count("graph_relationships", len(knockdowns))
        self._in_graph(knockdowns.select(pert="start", gene="end", cell_line="cell_line"), where)

    def store(self, store: GraphStore) -> None:
        """No test row among the KNOCKDOWN_CHANGES of the graph database."""
        lines = self.test["cell_line"].unique().sort().to_list()
        with store.stream(_STORED, lines=lines) as stream:
            found = pl.DataFrame(list(stream), schema=dict.fromkeys(("pert", "gene", "cell_line"), pl.String))
        self._count("store_relationships", len(found))
        self._in_graph(found, store.address)

    def _in_graph(self, known: pl.DataFrame, where: Path | str | None) -> None:
        if self.held_out:
            hint = "build the graph from questions files whose split holds these rows out"
            found = self.test.join(known, on=ROW, how="semi")
            self._refuse(found, "is a KNOCKDOWN_CHANGES relationship of the graph", where, hint)

    def model(self, model: ExpressionModel, where: Path | str | None) -> None:
        """No test row among the labels that an expression model keeps, no row in the calibration that answers it."""
        genes = pl.Series(model.profiles.genes)
        kept = [
            pl.DataFrame({"pert": genes.gather(rows.perts), "gene": genes.gather(rows.genes)}).with_columns(
                cell_line=pl.lit(line), task=pl.lit(task)
            )
            for (line, task), rows in sorted(model.rows.items())
        ]
        self.training(pl.concat(kept), where, "model_rows")
        perts = self.test.sort("task", *ROW).unique(["task", "cell_line", "pert"], keep="first", maintain_order=True)
        for row in perts.iter_rows(named=True):
            key, place = (row["cell_line"], row["task"]), model.place(row["pert"])
            if key not in model.seen or place < 0:
                continue  # It has no calibration for the line, or no label of the gene.
            self._count("calibrated_perturbations", 1)
            fold = model.fold(key, place)
            if model.seen[key][fold][place]:
                which = "for perturbations without labels" if fold < 0 else f"of fold {fold}"
                found = f"has its perturbation among those that its own calibration ({which}) saw"
                self._refuse(pl.DataFrame([row]), found, where, "fit the model again")

    def facts(self, claims: Iterable[Claim], book: FactLookup, model: ExpressionModel | None = None) -> None:
        """No label of a test row, and none of a claim's own perturbation or fold, among the facts that a prompt shows.

        Args:
            claims: that the policy will answer.
            book: where the prompts' facts come from; they are looked up as for the prompt.
            model: who knows the facts, for its folds.
        """
        hidden = set(self.test.select("pert", "gene", "cell_line").iter_rows()) if self.held_out else set()
        for claim in claims:
            for pert, _, _ in book.facts(claim).neighbours:
                self._count("facts", 1)
                row = {"pert": claim.subject, "gene": claim.object, "cell_line": claim.cell_line}
                if (pert, claim.object, claim.cell_line) in hidden:
                    found = f"is shown as a fact in the prompt of {claim}"
                    row["pert"] = pert
                elif pert == claim.subject or (model is not None and _own_fold(model, claim, pert)):
                    found = f"is shown the outcome of {pert}, which is of its own fold"
                else:
                    continue
                hint = "fit the expression verifier again, on training rows only"
                self._refuse(pl.DataFrame([row]), found, "prompts", hint)

    def _count(self, what: str, number: int) -> None:
        self.checked[what] = self.checked.get(what, 0) + number

    @staticmethod
    def _refuse(leaked: pl.DataFrame, found: str, where: Path | str | None, hint: str) -> None:
        if leaked.is_empty():
            return
        first = leaked.sort(ROW).row(0, named=True)
        more = f" (and {len(leaked) - 1} more)" if len(leaked) > 1 else ""
        name = f"{first['pert']},{first['gene']}{more} in {first['cell_line']}"
        raise EvaluationError(f"leak: the row {name} {found}", where=where, hint=hint)


def _own_fold(model: ExpressionModel, claim: Claim, pert: str) -> bool:
    """Whether a training perturbation is of the claim's own fold; a subject without labels has none."""
    subject = model.place(claim.subject)
    fold = model.fold((claim.cell_line or "", "de"), subject)
    return fold >= 0 and int(model.folds[model.place(pert)]) == fold


def audit_policy(
    questions: QuestionSet,
    test: pl.DataFrame,
    split_scheme: str,
    inputs: EvaluationInputs,
    *,
    trained_on: pl.DataFrame,
    where: Path | str,
) -> dict[str, Any]:
    """The leakage audit of a policy: its training questions, the graph, the verifiers of its reward, its prompts.

    Args:
        questions: what the policy will be evaluated on, with the facts of its prompts.
        test: the complete split that they are drawn from.
        split_scheme: of the run.
        inputs: what the evaluation reads.
        trained_on: questions that the policy was or will be trained on.
        where: the run, for messages.

    Raises:
        EvaluationError: a leak.
    """
    audit = Audit(test, split_scheme, held_out=bool((test["split"] == "test").all()))
    audit.training(trained_on, where, "policy_rows")
    audit.training(inputs.train, where)
    if inputs.knockdowns is not None:
        audit.graph(inputs.knockdowns, "the graph's tables")
    if inputs.store is not None:
        audit.store(inputs.store)
    source = None if questions.facts is None else questions.facts.source
    verifiers = [] if inputs.reward is None else [verifier for verifier, _ in inputs.reward.verifiers.values()]
    models = {item.model_dir: item.model for item in (source, *verifiers) if isinstance(item, ExpressionVerifier)}
    for folder, model in models.items():
        audit.model(model, folder)
    if questions.facts is not None:
        known_by = source.model if isinstance(source, ExpressionVerifier) else None
        audit.facts(questions.claims(), questions.facts, known_by)
    return audit.document
