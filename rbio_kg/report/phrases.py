"""How values are put into words and digits: numbers, claims, relations, text that a model wrote, the glossary."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.schema.schema import RELATIONSHIPS as RELATIONSHIP_TYPES

NOTHING = "\N{EN DASH}"
"""Stands where a value does not exist."""

LONGEST_TEXT = 4000
"""Characters of one completion that are shown."""

_CLAIMS = {
    Relation.CHANGES_EXPRESSION_OF: "Knocking down {subject} changes the expression of {object}",
    Relation.INCREASES: "Knocking down {subject} raises the expression of {object}",
    Relation.DECREASES: "Knocking down {subject} lowers the expression of {object}",
    Relation.INCREASES_IF_CHANGED: "If at all, knocking down {subject} raises the expression of {object}",
    Relation.DECREASES_IF_CHANGED: "If at all, knocking down {subject} lowers the expression of {object}",
    Relation.INTERACTS_WITH: "{subject} interacts with {object}",
    Relation.REGULATES: "{subject} regulates {object}",
    Relation.ACTIVATES: "{subject} activates {object}",
    Relation.REPRESSES: "{subject} represses {object}",
    Relation.TAKES_PART_IN: "{subject} takes part in {object}",
}

RELATIONSHIPS = {item.type: item.phrase for item in RELATIONSHIP_TYPES}
"""The schema's relationship types as a sentence says them."""

VERIFIERS = {
    "graph_path": "graph path",
    "link_predictor": "link predictor",
    "expression": "expression model",
    "ontology_text": "ontology text",
    "reasoning_trace": "reasoning trace",
    "experiment": "experiment",
}
"""The built-in verifiers' names as a reader would say them."""

REASONINGS = {
    "own": "its own reasoning",
    "none": "no reasoning",
    "half": "the first half of it",
    "swapped": "another question's",
    "reversed": "one on reversed facts",
}
"""The readings of `rbio_kg.training.evaluation.reasoning` as a reader would say them: what the answer is read after."""

TEXT_VERIFIERS = frozenset({"ontology_text", "reasoning_trace"})
"""Verifiers that score what a completion says, by the graph alone; the others score the claim."""

GLOSSARY = (
    ("Abstain", "What a verifier does when it knows nothing about a claim. An abstention is never counted as a half."),
    ("All-no, all-yes", "Two baselines that give every question the same answer. They can look good in pooled "
     "figures when one answer is much more frequent than the other."),
    ("AUROC", "The chance that a randomly drawn true case gets a higher score than a randomly drawn false one. "
     "0.5 is guessing, 1 is perfect order."),
    ("Brier rule", "A scoring rule for a stated probability: its expected reward is highest when the model states its "
     "true probability; any other number gets less."),
    ("Claim", "A statement that can be scored, such as: knocking down gene A changes the expression of gene B in "
     "this cell line."),
    ("Closed book, open book", "Whether the question shows only the gene names (closed), or also facts fetched from "
     "the graph (open)."),
    ("Coverage", "The share of questions for which a verifier gave an answer at all."),
    ("ECE", "Expected calibration error: how far stated probabilities lie from what happened, on average. 0 is best."),
    ("Entropy", "How undecided the model is about its next word, in nats. Falling to nearly zero means that it always "
     "writes the same thing."),
    ("F1, MCC, balanced accuracy", "Three summaries of yes and no answers over all rows pooled. Knowing only how often "
     "each gene changes already scores well on them, so they are not the headline here."),
    ("Gene prior", "A baseline that knows nothing about the perturbation: it answers with how often the monitored gene "
     "changed in training. Its per-gene AUROC is one half by construction."),
    ("GRPO", "The reinforcement learning used here. For each question the model writes several completions; those that "
     "got more reward than the group's average become more likely."),
    ("Interval", "The range that holds 95 % of the results when the evaluated genes are drawn again with replacement "
     "(bootstrap). Wide means: few genes."),
    ("Likelihood, votes", "Two ways to read a probability from a language model. Likelihood: the probability of the "
     "word yes against no. Vote: the mean of the probabilities that several sampled answers state; answers in another "
     "format are left out, and without any other the vote is one half."),
    ("Pair copy", "A baseline that repeats the label which the same pair of genes had in another cell line."),
    ("Per-gene AUROC", "The AUROC computed for each monitored gene over the perturbations, then averaged. It rewards "
     "telling perturbations apart, not knowing which genes change often."),
    ("Reliability plot", "Stated probability against observed rate, in bins. On the diagonal the verifier means what "
     "it says; the larger a dot, the more cases it stands for."),
    ("Reward", "What the training maximises: points for an answer that agrees with the verifiers, plus weighted parts "
     "for what the reasoning says."),
    ("Risk and coverage", "The error rate among the answers that the model is surest of (risk), by the share of "
     "questions that are answered at all (coverage). Useful confidence makes the line fall to the left."),
    ("Simulated", "Labels drawn from a model on the graph instead of measured in a laboratory. They show that the "
     "machinery works; they say nothing about biology."),
    ("Unparsed", "A completion that does not keep the required form. It counts as wrong."),
    ("Verdict", "One verifier's answer to one claim: a score, a reason, and the pieces of the graph that it cites."),
    ("Verifier", "A model or rule that gives the probability that a claim holds, from the graph, from a fitted model "
     "or from a measurement."),
    ("Warm-up", "A short supervised training before GRPO after which the model writes answers in the right format."),
)  # fmt: skip
"""Words of the report and what they mean, in alphabetical order."""

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SECRET = re.compile(r"(password|secret|credential|api_?key|(^|_)token$)", re.IGNORECASE)
_USER_IN_ADDRESS = re.compile(r"//[^/@\s]+@")


def number(value: Any) -> float | None:
    """The value as a finite float, or None where it is none (booleans and texts are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def digits(value: Any, decimals: int = 2) -> str:
    """A number for people, `NOTHING` where there is none."""
    known = number(value)
    if known is None:
        return NOTHING
    text = f"{known:.{decimals}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def count(value: Any) -> str:
    """A whole number with thousands set apart, `NOTHING` where there is none."""
    known = number(value)
    return NOTHING if known is None else f"{known:,.0f}"


def percent(value: Any) -> str:
    """A share 0..1 as a percentage."""
    known = number(value)
    return NOTHING if known is None else f"{100 * known:.0f} %"


def visible(text: Any) -> str:
    """Text that a model or a file brought, with what a reader could not see, or be misled by, written out.

    Control characters, zero-width characters and characters that turn the writing direction become `⟨U+202E⟩` and the
    like; half a surrogate pair, which no file can hold, becomes `?`.
    """
    whole = str(text).replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", whole)


def excerpt(text: str) -> str:
    """`visible`, cut at `LONGEST_TEXT` characters and saying so."""
    if len(text) <= LONGEST_TEXT:
        return visible(text)
    return f"{visible(text[:LONGEST_TEXT])}\n… ({count(len(text) - LONGEST_TEXT)} more characters are left out here)"


def claim_sentence(claim: Claim, names: Mapping[str, str]) -> str:
    """The claim as a sentence without a full stop; `names` gives a term's or pathway's name by its id."""
    obj = f"{names[claim.object]} ({claim.object})" if claim.object in names else claim.object
    sentence = _CLAIMS[claim.relation].format(subject=claim.subject, object=obj)
    return visible(f"{sentence} in {claim.cell_line.upper()}" if claim.cell_line else sentence)


def settings(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, value) in the order of the names; secrets are hidden."""
    rows: list[tuple[str, str]] = []
    for name in sorted(values, key=str):
        value = values[name]
        label = f"{prefix}{name}"
        if _SECRET.search(str(name)):
            rows.append((label, "(hidden)"))
        elif isinstance(value, Mapping) and value:
            rows.extend(settings(value, f"{label}."))
        else:
            rows.append((label, setting(value)))
    return rows


def setting(value: Any) -> str:
    """One setting's value for people; a name and password inside an address are hidden."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value)
    return _USER_IN_ADDRESS.sub("//(hidden)@", visible(f"{value:g}" if isinstance(value, float) else value))
