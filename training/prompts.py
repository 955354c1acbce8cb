"""What the model is asked, and how it is taught to answer.

An answer is `<think>why</think><answer>yes 7</answer>`: yes or no, then a digit that says how sure, in tenths. Neither
the cell line nor whether labels are simulated stands in a prompt.
"""

from __future__ import annotations

from typing import Any, Literal

from rbio_kg.claims import Claim, Relation
from training.facts import Facts

PromptMode = Literal["open", "closed"]
Messages = list[dict[str, str]]

DIRECT = "<think></think><answer>"
"""What is put into the model's mouth to read its yes or no without generating: an answer without reasoning."""

_VERBS = {
    Relation.CHANGES_EXPRESSION_OF: "change",
    Relation.INCREASES: "raise",
    Relation.DECREASES: "lower",
}
_TOLD = {
    Relation.CHANGES_EXPRESSION_OF: "changed",
    Relation.INCREASES: "raised",
    Relation.DECREASES: "lowered",
}


def prompt_messages(claim: Claim, facts: Facts | None, system: str = "") -> Messages:
    """The question as chat messages: open book with facts, closed book without."""
    text = closed_question(claim) if facts is None else open_question(claim, facts)
    head: Messages = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": text}]


def closed_question(claim: Claim) -> str:
    """Only the genes' names."""
    return f"Does losing {claim.subject} {_VERBS[_knockdown(claim)]} {claim.object}?"


def open_question(claim: Claim, facts: Facts) -> str:
    """The names, then the facts, terse: on a small model every token costs time.

    `rate` is in how many of ten knockdowns the object changes; `yes` and `no` list the similar knockdowns by outcome,
    each as its similarity digit, most similar first; `link` is whether the graph joins the two directly.
    """
    digits = {
        wanted: "".join(str(digit) for _, digit, outcome in facts.neighbours if outcome == wanted) or "none"
        for wanted in (0, 1)
    }
    return (
        f"{closed_question(claim)}\nrate {facts.rate}\nyes {digits[1]}\nno {digits[0]}\n"
        f"link {'yes' if facts.link else 'no'}"
    )


def rationale(claim: Claim, facts: Facts) -> str:
    """The reasoning that the warm-up teaches: the facts as short statements that can be checked against the graph."""
    verb = _TOLD[_knockdown(claim)]
    seen = f"{facts.changed} of {len(facts.neighbours)} similar knockdowns {verb} it"
    link = f"{claim.subject} {facts.link} {claim.object}. " if facts.link else ""
    return f"{link}{seen}."


def target_completion(think: str, answer: Literal["yes", "no"], confidence: int) -> str:
    """A well-formed completion; `confidence` is the digit, 1 to 9."""
    return f"<think>{think}</think><answer>{answer} {confidence}</answer>"


def prompt_text(tokenizer: Any, messages: Messages) -> str:
    """The prompt as the model reads it, up to where its answer begins."""
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _knockdown(claim: Claim) -> Relation:
    relation = Relation(claim.relation)
    if relation not in _VERBS:
        raise ValueError(f"no question is worded for the relation {relation}")
    return relation
