"""A workspace: one graph, its fitted verifiers and its runs, under one folder."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.services.base import WorkspaceBase

if TYPE_CHECKING:
    import polars as pl

    from rbio_kg.core.claims import Claim
    from rbio_kg.services.build import BuildResult
    from rbio_kg.services.evaluate import PolicyQuestions, RunEvaluation
    from rbio_kg.services.explain import Explanation
    from rbio_kg.services.fit import FitResult
    from rbio_kg.services.score import Unknown
    from rbio_kg.services.screens.result import ScreenOutput, ScreenQuestions
    from rbio_kg.services.train import RecipeChanges
    from rbio_kg.training.data.screens.cells import CellOptions
    from rbio_kg.training.data.screens.columns import ColumnNames
    from rbio_kg.training.data.screens.labels import LabelRules
    from rbio_kg.training.evaluation.expression import ExpressionOptions
    from rbio_kg.training.evaluation.policy import PolicyOptions
    from rbio_kg.training.evaluation.results import ExpressionEvaluation
    from rbio_kg.training.pipeline.result import TrainingResult
    from rbio_kg.training.pipeline.train import TrainingOptions
    from rbio_kg.verifiers.text.statements import Statement

Frame = TypeVar("Frame", bound=Any)


class Workspace(WorkspaceBase):
    """One folder with sources, a graph, fitted verifiers and runs, and everything that can be done with them.

    The same object sees a new build and a refitted verifier at once.

    Example:
        >>> import rbio_kg
        >>> workspace = rbio_kg.Workspace("workspace")
        >>> workspace.build().build_id  # doctest: +SKIP
        >>> workspace.fit("graph_path").metrics  # doctest: +SKIP
        >>> workspace.explain(rbio_kg.Claim("TP53", "interacts_with", "MDM2"))  # doctest: +SKIP
    """

    def _repr_html_(self) -> str:
        """The folder, the graph in use and the runs, for notebooks."""
        runs = sorted(path.name for path in self.paths.runs.glob("*") if path.is_dir())
        rows = {
            "folder": str(self.paths.root),
            "graph": f"build {self.build_id}" if self.has_graph else "none",
            "verifiers": ", ".join(self.verifier_names()),
            "runs": ", ".join(runs) or "none",
        }
        return "<table>" + "".join(f"<tr><th>{a}</th><td>{escape(b)}</td></tr>" for a, b in rows.items()) + "</table>"

    # The graph

    def build(
        self,
        *,
        sources: str | Path | None = None,
        rules: NameRules = DEFAULT_RULES,
        fresh: bool = False,
        progress: Progress = silent,
    ) -> BuildResult:
        """Build the graph and load the store; see `rbio_kg.services.build.build_graph_and_store`."""
        from rbio_kg.services.build import build_graph_and_store

        chosen = None if sources is None else Path(sources).absolute()
        return build_graph_and_store(self, sources=chosen, rules=rules, fresh=fresh, progress=progress)

    def query(self, cypher: str, **parameters: Any) -> pl.DataFrame:
        """The rows of a read-only Cypher statement; values are parameters.

        Example: `workspace.query("MATCH (g:Gene {symbol: $symbol}) RETURN g.name AS name", symbol="TP53")`.

        Raises:
            StoreError: the statement is wrong, writes, or takes longer than the setting `query_timeout`.
        """
        import polars as pl

        timeout = self.settings.query_timeout
        with self.store.stream(cypher, parameters, timeout=timeout) as rows:
            return pl.DataFrame(list(rows), schema=rows.columns or None, infer_schema_length=None)

    # Verifiers

    def fit(self, verifier: str, *, name: str | None = None, progress: Progress = silent, **options: Any) -> FitResult:
        """Fit `graph_path`, `link_predictor` or `expression` on the graph; see `rbio_kg.services.fit.fit`."""
        from rbio_kg.services.fit import fit

        return fit(self, verifier, name=name, progress=progress, **options)

    def explain(self, claim: Claim) -> Explanation:
        """Every verifier's verdict on a claim, and their pooled probability."""
        from rbio_kg.services.explain import explain_claim

        return explain_claim(self, claim)

    def score(self, frame: Frame, verifiers: Sequence[str] | None = None, *, unknown: Unknown = "error") -> Frame:
        """A polars or pandas frame of claims with one column of scores for each verifier.

        See `rbio_kg.services.score.score_frame`.
        """
        from rbio_kg.services.score import score_frame

        return score_frame(self, frame, verifiers, unknown=unknown)

    def check(self, text: str) -> list[Statement]:
        """Every statement of a text, checked: `verdict` is supported, contradicted or unknown, `evidence` says by what.

        Example: `[item.verdict for item in workspace.check("MDM2 binds TP53 and activates it.")]`.

        Raises:
            BuildError: there is no graph here.
        """
        from rbio_kg.services.check import check_text

        return check_text(self, text)

    # Questions

    def questions_from_de(
        self,
        tables: str | Path | Sequence[str | Path] | Any,
        output: ScreenOutput | None = None,
        rules: LabelRules | None = None,
        columns: ColumnNames | None = None,
        *,
        progress: Progress = silent,
    ) -> ScreenQuestions:
        """Questions from differential expression: files, or a polars or pandas frame.

        Example: `workspace.questions_from_de(frame).de`. See `rbio_kg.services.screens.from_table.questions_from_de`.
        """
        from rbio_kg.services.screens.from_table import questions_from_de

        return questions_from_de(self, tables, output, rules, columns, progress=progress)

    def questions_from_h5ad(
        self,
        path: str | Path,
        output: ScreenOutput | None = None,
        rules: LabelRules | None = None,
        options: CellOptions | None = None,
        *,
        progress: Progress = silent,
    ) -> ScreenQuestions:
        """Questions from a single-cell screen; see `rbio_kg.services.screens.from_h5ad.questions_from_h5ad`."""
        from rbio_kg.services.screens.from_h5ad import questions_from_h5ad

        return questions_from_h5ad(self, Path(path), output, rules, options, progress=progress)

    # Runs

    def train_policy(
        self,
        recipe: str | Path | None = None,
        *,
        name: str | None = None,
        changes: RecipeChanges | None = None,
        options: TrainingOptions | None = None,
        progress: Progress = silent,
    ) -> TrainingResult | None:
        """Train a policy as a recipe says; see `rbio_kg.services.train.train_policy`.

        Example: `workspace.train_policy("graph", name="first").after["per_gene_auroc"]`.
        """
        from rbio_kg.services.train import train_policy

        return train_policy(self, recipe, name=name, changes=changes, options=options, progress=progress)

    def evaluate_policy(
        self,
        run: str,
        questions: PolicyQuestions | None = None,
        options: PolicyOptions | None = None,
        *,
        check_store: bool = False,
        unfinished: bool = False,
        progress: Progress = silent,
    ) -> RunEvaluation:
        """Evaluate a trained policy on its test questions, or on others; see `rbio_kg.services.evaluate.evaluate_run`.

        Example: `workspace.evaluate_policy("first").result.measures.per_gene_auroc`.
        """
        from rbio_kg.services.evaluate import evaluate_run

        return evaluate_run(
            self, run, questions, options, check_store=check_store, unfinished=unfinished, progress=progress
        )

    def evaluate_expression(
        self,
        questions: str | Path,
        options: ExpressionOptions | None = None,
        *,
        predictions: str | Path | None = None,
        progress: Progress = silent,
    ) -> ExpressionEvaluation:
        """Fit the expression model on a questions file's train rows and score its test rows.

        See `rbio_kg.training.evaluation.expression`.
        """
        from rbio_kg.services.evaluate import evaluate_expression
        from rbio_kg.training.evaluation.expression import ExpressionOptions

        out = None if predictions is None else Path(predictions)
        options = options or ExpressionOptions(seed=self.settings.seed)
        return evaluate_expression(self, Path(questions), options, predictions=out, progress=progress)

    def report(self, run: str, out: str | Path | None = None, *, unfinished: bool = False) -> Path:
        """Write the HTML report of a run; its path. A run that is not finished needs `unfinished`."""
        from rbio_kg.services.report import write_run_report

        return write_run_report(self, run, None if out is None else Path(out), unfinished=unfinished).path
