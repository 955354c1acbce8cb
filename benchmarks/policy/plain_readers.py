"""Predictors without a language model: regressions on the facts of a prompt, and the similarity vote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rbio_kg.verifiers.stats.probability import shrunken_rate

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot
    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.training.prompts.facts import Facts


def features(facts: Facts, bits: dict[str, float]) -> dict[str, list[float]]:
    """The facts as numbers, by kind; for terms also the information content of the most specific one, in bits."""
    found = facts.numbers()
    return found | {"terms": [*found["terms"], max((bits[term] for term in facts.terms), default=0.0)]}


def plain_regression() -> Pipeline:
    """Logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))


def boosting() -> HistGradientBoostingClassifier:
    """Gradient boosting: non-linear, with interactions."""
    return HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_depth=3, random_state=0)


def read_by(rows: QuestionSet, known: QuestionSet, snapshot: Snapshot) -> dict[str, Any]:
    """Probabilities of both, fitted on the facts of known questions; nothing where the prompts show no facts."""
    if rows.facts is None or known.facts is None:
        return {}
    bits = dict(zip(snapshot.term_names, snapshot.information_content.tolist(), strict=True))

    def numbers(questions: QuestionSet) -> Any:
        book = questions.facts
        table = [features(book.facts(claim), bits) for claim in questions.claims()] if book else []
        return np.array([[value for values in row.values() for value in values] for row in table])

    seen, labels, new = numbers(known), known.frame["label"].to_numpy(), numbers(rows)
    models = {"regression": plain_regression(), "boosting": boosting()}
    return {name: model.fit(seen, labels).predict_proba(new)[:, 1] for name, model in models.items()}


def plain_vote(model: Any, rows: pl.DataFrame) -> Any:
    """The sharp similarity vote alone, by the knockdowns of the rows' line (mean over all lines where it has none)."""
    task, line = rows["task"][0], rows["cell_line"][0]
    lines = (line,) if line in model.lines else model.lines
    perts, genes = (np.array([model.place(name) for name in rows[column]]) for column in ("pert", "gene"))
    out = np.zeros((len(lines), len(rows)))
    for number, name in enumerate(lines):
        columns = model.columns(name)
        known = (perts >= 0) & np.isin(genes, columns)
        folds = np.array([model.fold((name, task), int(pert)) for pert in perts])
        for fold in np.unique(folds[known]).tolist():
            mine = known & (folds == fold)
            voter = model.voter((name, task), fold)
            out[number, mine] = voter.features(perts[mine], genes[mine])[:, voter.names.index("vote")]
    return out.mean(axis=0)


def vote_probabilities(model: Any, rows: pl.DataFrame, train: pl.DataFrame) -> Any:
    """The gene's base rate in the line's train rows (all lines' where it has none) plus the vote, clipped to 0..1."""
    own = train.filter(pl.col("cell_line") == rows["cell_line"][0])
    labels = pl.col("label").cast(pl.Float64)
    known = own if len(own) else train
    base = known.select(labels.mean()).item()
    rates = known.group_by("gene").agg(base_rate=shrunken_rate(labels.sum(), pl.len(), base))
    own_base_rate = rows.join(rates, on="gene", how="left", maintain_order="left")["base_rate"].fill_null(base)
    return np.clip(own_base_rate.to_numpy() + plain_vote(model, rows), 0.0, 1.0)
