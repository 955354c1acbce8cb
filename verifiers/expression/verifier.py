"""The expression verifier: does a knockdown of A change B in a cell line, given knockdowns of genes similar to A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rbio_kg.core.claims import (
    FALLS,
    IF_CHANGED,
    KNOCKDOWN_RELATIONS,
    RELATION_TASKS,
    RISES,
    Claim,
    Evidence,
    Node,
    Status,
    Verdict,
)
from rbio_kg.core.errors import VerifierError
from rbio_kg.core.typing import FloatArray
from rbio_kg.graph_builders.sources.perturbqa import SIMULATED_NAME
from rbio_kg.verifiers.base.verifier import Card, Verifier, check_lengths
from rbio_kg.verifiers.expression.fit import fit_expression
from rbio_kg.verifiers.expression.io import load_model
from rbio_kg.verifiers.expression.labels import Key
from rbio_kg.verifiers.expression.model import ExpressionModel
from rbio_kg.verifiers.expression.neighbour_votes import POWER_NARROW

__all__ = ["ExpressionVerifier", "Neighbour", "fit_expression"]

_CITED = 6


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training knockdown with a label for the claim's object.

    Args:
        pert: the gene that was knocked down.
        similarity: to the claim's subject: 0 to 2.5, the weighted sum of the cosines.
        outcome: 1 where the claim's relation held for it, else 0.
    """

    pert: str
    similarity: float
    outcome: int


class ExpressionVerifier(Verifier):
    """The calibrated similarity vote of training knockdowns.

    | relation | score |
    | --- | --- |
    | `changes_expression_of` | P(change) |
    | `increases_if_changed`, `decreases_if_changed` | P(increase given change), 1 minus it |
    | `increases`, `decreases` | P(change) times that |

    A claim without a cell line gets the mean over the fitted lines that score it.

    Args:
        model_dir: where `fit_expression` wrote the model; opened at first use.

    Example:
        >>> from rbio_kg.verifiers import ExpressionVerifier
        >>> verifier = ExpressionVerifier("workspace/models/expression")  # opens nothing yet
        >>> verifier.name, verifier.kind
        ('expression', 'claim')
    """

    name = "expression"

    def __init__(self, model_dir: Path) -> None:
        self.model_dir = Path(model_dir)
        self._model: ExpressionModel | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"model_dir": self.model_dir, "_model": None}

    @property
    def model(self) -> ExpressionModel:
        """The fitted model.

        Raises:
            ModelError: it is missing or unreadable.
        """
        if self._model is None:
            self._model = load_model(self.model_dir)
        return self._model

    @property
    def card(self) -> Card:
        """What it knows, and when it abstains."""
        settings = self.model.settings
        shared = (
            "No perturbation held out in any cell line was seen in another."
            if settings["protocol"] == "global"
            else "Labels of other cell lines are used, also those of the same perturbation."
        )
        return Card(
            knows="training knockdowns in " + ", ".join(self.model.lines) + ", and similarities of genes in GO, STRING "
            "and pathways: knockdowns of similar genes tend to change the same genes",
            relations=KNOCKDOWN_RELATIONS,
            abstains="on other relations, self-claims, cell lines it was not fitted on, genes unknown to the graph, "
            "and objects that no training knockdown of the line was measured for",
            sources=tuple(settings["sources"]) or ("training questions",),
            licence="those of its sources; PerturbQA's labels are CC BY 4.0",
            reference="docs/reference/verifiers.md; questions: PerturbQA, Wu et al., ICLR 2025",
            limits="A training perturbation of a line is scored out of fold, never from its own labels in that line. "
            + shared
            + _vectors_text(settings["metrics"]),
            simulated=bool(settings["simulated"]),
            settings={key: settings[key] for key in ("seed", "protocol", "metrics")},
        )

    def score(self, claims: Sequence[Claim], texts: Sequence[str] | None = None) -> FloatArray:
        """Probabilities of shape (n,), NaN where it abstains."""
        check_lengths(claims, texts)
        relations = [claim.relation for claim in claims]
        falls = np.array([relation in FALLS for relation in relations], dtype=np.bool_)
        needs = {
            task: np.array([task in RELATION_TASKS.get(relation, ()) for relation in relations], dtype=np.bool_)
            for task in ("de", "dir")
        }
        total, count = np.zeros(len(claims)), np.zeros(len(claims))
        for line, found in self._by_line(claims).items():
            subjects, targets, rows = (np.array(column) for column in zip(*sorted(found), strict=True))
            values = np.ones(len(rows))
            for task, needed in needs.items():
                mine = needed[rows]
                if mine.any():
                    chance = self._probabilities(line, task, subjects[mine], targets[mine])
                    decreases = falls[rows[mine]] & (task == "dir")
                    values[mine] *= np.where(decreases, 1.0 - chance, chance)
            scored = ~np.isnan(values)
            np.add.at(total, rows[scored], values[scored])
            np.add.at(count, rows[scored], 1.0)
        mean: FloatArray = np.divide(total, count, out=np.full(len(claims), np.nan), where=count > 0)
        return mean

    def _by_line(self, claims: Sequence[Claim]) -> dict[str, list[tuple[int, int, int]]]:
        """For each cell line the claims that it scores: subject, object and row."""
        model = self.model
        found: dict[str, list[tuple[int, int, int]]] = {}
        lines: dict[str | None, tuple[str, ...]] = {}
        for row, claim in enumerate(claims):
            if claim.relation not in RELATION_TASKS:
                continue
            subject, target = model.place(claim.subject), model.place(claim.object)
            if subject < 0 or target < 0 or subject == target:
                continue
            if claim.cell_line not in lines:
                lines[claim.cell_line] = self._lines(claim.cell_line)
            for line in lines[claim.cell_line]:
                found.setdefault(line, []).append((subject, target, row))
        return found

    def _lines(self, line: str | None) -> tuple[str, ...]:
        """The fitted lines that score a claim of a line.

        All lines with labels score a claim without a line, and one of a line without calibration of its own.
        """
        model = self.model
        if line in model.lines or any((line, task) in model.calibrations for task in ("de", "dir")):
            return (str(line),)
        return model.lines if line is None or line in model.unseen else ()

    def _probabilities(
        self, line: str, task: str, subjects: np.ndarray[Any, Any], targets: np.ndarray[Any, Any]
    ) -> FloatArray:
        """Probabilities (n,); NaN where the line has no such task or never monitored the target."""
        model, out = self.model, np.full(len(subjects), np.nan)
        if (line, task) in model.calibrations:
            monitored = np.isin(targets, model.columns(line))
            out[monitored] = model.probabilities((line, task), subjects[monitored], targets[monitored])
        return out

    def neighbours(self, claim: Claim, k: int) -> list[Neighbour]:
        """The `k` most similar training knockdowns with a label for the object in the claim's cell line.

        Where the claim presupposes a change, only those that changed the object. If the subject is a training
        perturbation of the line, none of its own fold. Empty where the claim has no cell line or a gene is unknown.
        """
        return [neighbour for neighbour, _ in self._neighbours(claim, k)]

    def _neighbours(self, claim: Claim, k: int) -> list[tuple[Neighbour, str]]:
        """The neighbours, each with its direction: increase, decrease, unknown, or none without a change."""
        model, line, relation = self.model, claim.cell_line, claim.relation
        subject, target = model.place(claim.subject), model.place(claim.object)
        key = (line or "", RELATION_TASKS[relation][0])
        if line not in model.lines or subject < 0 or target < 0 or key not in model.calibrations:
            return []
        voters, similarity = model.similarity(key, subject)
        perts, labels = model.outcomes(key, target)
        index = np.searchsorted(voters, perts)
        usable = (perts != subject) & (voters[np.minimum(index, len(voters) - 1)] == perts)
        similarity, perts, labels = similarity[index[usable]], perts[usable], labels[usable]
        changed, risen = model.outcomes((key[0], "dir"), target)
        up = dict(zip(changed.tolist(), risen.tolist(), strict=True))
        wanted = "increase" if relation in RISES else "decrease" if relation in FALLS else None
        found: list[tuple[Neighbour, str]] = []
        # Indices are in the order of the symbols: equally similar knockdowns are in alphabetical order.
        for row in np.lexsort((perts, -similarity)).tolist():
            if len(found) == k:
                break
            pert, direction = int(perts[row]), "none"
            if labels[row] or relation in IF_CHANGED:
                direction = {None: "unknown", 0.0: "decrease", 1.0: "increase"}[up.get(pert)]
            if wanted and direction == "unknown":
                continue
            holds = direction == wanted if wanted else direction != "none"
            found.append((Neighbour(model.profiles.genes[pert], float(similarity[row]), int(holds)), direction))
        return found

    def rate(self, claim: Claim) -> float:
        """Share of training knockdowns for which the claim's relation holds of its object; 0 to 1.

        It is shrunk towards the line's base rate; an object that was never monitored gets that rate. Knockdowns of the
        subject's own fold are left out. A claim without a cell line gets the mean over the lines.

        Raises:
            VerifierError: the model was not fitted on this cell line, or not on what the relation is made of.
        """
        model, line, tasks = self.model, claim.cell_line, RELATION_TASKS[claim.relation]
        candidates = model.lines if line is None or line in model.unseen else (line,)
        lines = [known for known in candidates if all((known, task) in model.rows for task in tasks)]
        if not lines:
            what = f"was not fitted on {' and '.join(tasks)} questions of {line or 'any cell line'}"
            raise VerifierError(what, hint=f"it knows the lines {', '.join(model.lines)}")
        return float(np.mean([np.prod([self._base_rate(claim, (known, task)) for task in tasks]) for known in lines]))

    def _base_rate(self, claim: Claim, key: Key) -> float:
        model = self.model
        base_rate = model.base_rate(key, model.place(claim.subject), model.place(claim.object))
        return 1.0 - base_rate if key[1] == "dir" and claim.relation in FALLS else base_rate

    def explain(self, claim: Claim, text: str | None = None) -> Verdict:
        """The score, with the outcomes of the neighbours that weighed most."""
        score = float(self.score([claim])[0])
        if np.isnan(score):
            return Verdict(None, Status.ABSTAIN, (), self._why_not(claim), self.name)
        found = [item for item in self._neighbours(claim, _CITED) if item[0].similarity > 0]
        top = max((item[0].similarity for item in found), default=1.0)
        evidence = tuple(
            Evidence(
                Node("Gene", neighbour.pert),
                "KNOCKDOWN_CHANGES" if direction != "none" else "MEASURED_UNCHANGED",
                Node("Gene", self.model.profiles.genes[self.model.place(claim.object)]),
                (neighbour.similarity / top) ** POWER_NARROW,
                path,
                {
                    "cell_line": claim.cell_line,
                    "direction": None if direction == "none" else direction,
                    "outcome": "no change" if direction == "none" else "change",
                    # A measured absence of change is a label, not a relationship of the graph.
                    "in_graph": direction != "none",
                    "similarity": neighbour.similarity,
                    **self._label_source(claim.cell_line),
                },
            )
            for path, (neighbour, direction) in enumerate(found)
        )
        held = sum(neighbour.outcome for neighbour, _ in found)
        does = "rises" if claim.relation in RISES else "falls" if claim.relation in FALLS else "changes"
        reason = f"{claim.object} {does} in {self.rate(claim):.0%} of known knockdowns"
        reason += " that change it" if claim.relation in IF_CHANGED else ""
        if found:
            reason += (
                f"; the claim holds for {held} of the {len(found)} known knockdowns most similar to {claim.subject}"
            )
        elif claim.cell_line not in self.model.lines:
            reason += "; scored by " + ", ".join(self.model.lines)
        else:
            reason += "; no known knockdown is similar to the subject"
        return Verdict(score, Status.OK, evidence, reason, self.name, bool(self.model.settings["simulated"]))

    def _label_source(self, line: str | None) -> dict[str, Any]:
        """Where the labels of a cell line come from, for evidence; models of older versions say less."""
        settings = self.model.settings
        simulated = line in settings.get("simulated_lines", self.model.lines if settings["simulated"] else ())
        named = settings.get("label_sources", {}).get(line)
        source = {"source": named or (SIMULATED_NAME if simulated else "training questions")}
        return {**source, "simulated": True} if simulated else source

    def _why_not(self, claim: Claim) -> str:
        model = self.model
        if claim.relation not in KNOCKDOWN_RELATIONS:
            return "it scores what knockdowns do to expression, nothing else"
        unknown = [name for name in (claim.subject, claim.object) if model.place(name) < 0]
        if unknown:
            return f"unknown to the graph: {', '.join(dict.fromkeys(unknown))}"
        if model.place(claim.subject) == model.place(claim.object):
            return "a knockdown of a gene changes that gene by design"
        if not self._lines(claim.cell_line):
            return f"not fitted on the cell line {claim.cell_line}; it knows {', '.join(model.lines)}"
        return f"no training knockdown was measured for {claim.object}"


def _vectors_text(metrics: Mapping[str, Any]) -> str:
    """Whether gene vectors that were given are used, and why."""
    given = metrics.get("gene_vectors")
    if given is None:
        return ""
    found = given["per_gene_auroc"]
    figures = ", ".join(f"{name} {value:.3f}" for name, value in found.items() if value is not None)
    used = "are used as another similarity" if given["used"] else "are not used"
    return f" Gene vectors of {given['source']} {used}: cross-validated per-gene AUROC {figures} them."
