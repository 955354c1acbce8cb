"""The experiment verifier (hard): the measured label, where the training split has one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.claims import IF_CHANGED, KNOCKDOWN_RELATIONS, RISES, Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.core.errors import BuildError
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph.identity.gene_names import GeneNames
from rbio_kg.graph_builders.sources.perturbqa import SIMULATED_NAME
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths

_Pair = tuple[str, str, str]
"""Cell line, perturbation, monitored gene."""


class ExperimentVerifier(Verifier):
    """Scores 1 or 0 where the knockdown was measured in training rows, and abstains otherwise.

    The labels are calls of a statistical test, not certainties; they are used as they are, because
    the error rate of the test is not known. A measured absence of change scores 0 for both directions and abstains
    where the claim presupposes a change. A change of unknown direction abstains on directions.

    Args:
        source: folder of the build's tables (or of one `questions.parquet`), or a frame with the `questions` schema.
            Rows of other splits than `train` are dropped as they are read.
    """

    name = "experiment"

    def __init__(self, source: Path | pl.DataFrame) -> None:
        self.source = source if isinstance(source, pl.DataFrame) else Path(source)

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source}

    @cached_property
    def _names(self) -> GeneNames | None:
        """Names of the graph's genes; None where the labels are a frame, whose names count as they are."""
        if isinstance(self.source, pl.DataFrame) or not (self.source / "names.parquet").is_file():
            return None
        return GeneNames.of_tables({name: self._read(name) for name in ("genes", "names")})

    @cached_property
    def _genes(self) -> frozenset[str]:
        return frozenset(self._train["pert"].unique()) | frozenset(self._train["gene"].unique())

    def _symbol(self, label: str) -> str:
        """The name under which the training rows have a gene."""
        if label in self._genes or self._names is None:
            return label
        return self._names.symbol(label) or label

    @cached_property
    def _train(self) -> pl.DataFrame:
        rows = self.source if isinstance(self.source, pl.DataFrame) else self._read("questions")
        return rows.filter(pl.col("split") == "train")

    def _read(self, table: str) -> pl.DataFrame:
        path = Path(str(self.source)) / f"{table}.parquet"
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BuildError(f"cannot be read ({error})", where=path, hint="run rbio-kg build") from error

    @cached_property
    def _labels(self) -> dict[str, dict[_Pair, int]]:
        columns = ("cell_line", "pert", "gene", "label")
        found: dict[str, dict[_Pair, int]] = {}
        for task in ("de", "dir"):
            rows = self._train.filter(pl.col("task") == task).select(columns).iter_rows()
            found[task] = {(line, pert, gene): label for line, pert, gene, label in rows}
        return found

    @cached_property
    def _simulated(self) -> frozenset[str]:
        """The cell lines with simulated labels."""
        return frozenset(self._train.filter(pl.col("simulated").fill_null(value=False))["cell_line"])

    @cached_property
    def _named_sources(self) -> dict[str, str]:
        """The source of each cell line's labels, as the graph names it."""
        if isinstance(self.source, pl.DataFrame) or not (self.source / "knockdowns.parquet").is_file():
            return {}
        rows = self._read("knockdowns").select("cell_line", "source").unique().sort("source")
        return dict(rows.iter_rows())

    def _label_source(self, line: str) -> dict[str, Any]:
        simulated = line in self._simulated
        named = self._named_sources.get(line, SIMULATED_NAME if simulated else "training questions")
        return {"source": named, "simulated": True} if simulated else {"source": named}

    @property
    def card(self) -> Card:
        """What it knows, and when it abstains."""
        lines = ", ".join(self._train["cell_line"].unique().sort()) or "no cell line"
        return Card(
            knows=f"training labels of knockdown experiments in {lines}",
            relations=KNOCKDOWN_RELATIONS,
            abstains="on other relations, on pairs not measured in the claim's cell line, on claims without one, "
            "on the direction of a change whose direction is not known, and, where a change is given, of what did not "
            "change; test rows are never read",
            sources=("training questions",),
            licence="that of the questions; PerturbQA's labels are CC BY 4.0",
            reference="PerturbQA: Wu et al., ICLR 2025; the hard verifier of rbio-1: Istrate et al., 2025",
            range="0 or 1",
            limits="On training rows its score is the label, so its scorecard shows nothing about skill.",
            simulated=bool(self._train["simulated"].any()),
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """1 or 0 where measured, shape (n,), NaN where it abstains."""
        check_lengths(claims, texts)
        found = np.full(len(claims), np.nan)
        for row, claim in enumerate(claims):
            answer = self._answer(claim)
            if answer is not None:
                found[row] = answer
        return found

    def _pair(self, claim: Claim) -> _Pair:
        return claim.cell_line or "", self._symbol(claim.subject), self._symbol(claim.object)

    def _answer(self, claim: Claim) -> int | None:
        pair = self._pair(claim)
        if claim.relation not in KNOCKDOWN_RELATIONS or claim.cell_line is None or pair[1] == pair[2]:
            return None
        changed, up = self._labels["de"].get(pair), self._labels["dir"].get(pair)
        if changed is None and up is not None:
            changed = 1  # Only changed genes have a direction.
        if claim.relation == Relation.CHANGES_EXPRESSION_OF or (not changed and claim.relation not in IF_CHANGED):
            return changed
        if up is None:
            return None
        return up if claim.relation in RISES else 1 - up

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The same answer as `score`, citing the measured change."""
        answer = self._answer(claim)
        if answer is None:
            if claim.relation in KNOCKDOWN_RELATIONS:
                reason = f"{claim} was not measured in the training rows"
            else:
                reason = "it scores what knockdowns do to expression, nothing else"
            return Verdict(None, Status.ABSTAIN, (), reason, self.name)
        pair = self._pair(claim)
        simulated = pair[0] in self._simulated
        known = f"{'SIMULATED, not measured,' if simulated else 'measured'} in {claim.cell_line}"
        up = self._labels["dir"].get(pair)
        if up is None and not self._labels["de"].get(pair):
            reason = f"{known}: no change of {claim.object} after the knockdown of {claim.subject}"
            return Verdict(float(answer), Status.OK, (), reason, self.name, simulated)
        direction = "unknown" if up is None else "increase" if up else "decrease"
        detail = {"cell_line": claim.cell_line, "direction": direction, "outcome": "change", "in_graph": True}
        detail |= self._label_source(pair[0])
        cited = Evidence(Node("Gene", pair[1]), "KNOCKDOWN_CHANGES", Node("Gene", pair[2]), 1.0, 0, detail)
        reason = f"{known}: a change of {claim.object}, direction {direction}"
        return Verdict(float(answer), Status.OK, (cited,), reason, self.name, simulated)
