"""The prompt of a question, and the completion that SFT trains on.

An answer is `<think>why</think><answer>yes 7</answer>`: yes or no, then a digit for the confidence, in tenths. A prompt
contains neither the cell line nor whether labels are simulated.
"""

from __future__ import annotations

from typing import Any, Literal

from rbio_kg.core.claims import FALLS, RISES, Claim, Relation
from rbio_kg.training.prompts.facts import Facts
from rbio_kg.training.prompts.templates import family_of, question_text

PromptMode = Literal["open", "closed", "tools"]
"""Facts in the prompt; names only; names only, and the model may ask the graph."""
Messages = list[dict[str, str]]


def answer_opening(think: str) -> str:
    """A completion up to where its yes or no stands."""
    return f"<think>{think}</think><answer>"


DIRECT = answer_opening("")
"""The opening of an answer without reasoning, after which yes or no is scored without generation."""

INSTRUCTION = (
    "You answer yes-or-no questions of biology. First reason in one to three short sentences. Then give the answer and "
    "your confidence in it, a digit from 5 (a guess) to 9 (certain). Write exactly this and nothing else:\n"
    "<think>your reasoning</think><answer>yes 7</answer>\n"
    "Write no in place of yes where the answer is no. The digit is the confidence in the answer that you give."
)
"""The system message `default`: it gives an instruct model the format that rewards read."""

_OUTCOME_VERBS = {
    Relation.CHANGES_EXPRESSION_OF: "changed",
    **dict.fromkeys(RISES, "raised"),
    **dict.fromkeys(FALLS, "lowered"),
}


def prompt_messages(claim: Claim, facts: Facts | None, system: str = "", question: str | None = None) -> Messages:
    """The question as chat messages: open book with facts, closed book without; `question` is its text."""
    text = closed_question(claim, question) if facts is None else open_question(claim, facts, question)
    return [*system_messages(system), {"role": "user", "content": text}]


def system_messages(system: str) -> Messages:
    """The system message, where there is one; `default` is `INSTRUCTION`."""
    content = INSTRUCTION if system == "default" else system
    return [{"role": "system", "content": content}] if content else []


def closed_question(claim: Claim, question: str | None = None) -> str:
    """Only the question, by the first template of its family where no text is given."""
    return question or question_text(claim, family_of(claim.relation))


def open_question(claim: Claim, facts: Facts, question: str | None = None) -> str:
    """The question, then the facts."""
    lines = facts.text()
    return closed_question(claim, question) + (f"\n{lines}" if lines else "")


def rationale(claim: Claim, facts: Facts, object_name: str | None = None) -> str:
    """The reasoning that SFT trains on: the facts as short statements that can be checked against the graph."""
    said = [f"{claim.subject} {facts.link} {claim.object}."] if facts.link else []
    if claim.relation in _OUTCOME_VERBS and "neighbours" in facts.kinds:
        verb = _OUTCOME_VERBS[claim.relation]
        said.append(f"{facts.changed} of {len(facts.neighbours)} similar knockdowns {verb} it.")
    if facts.estimate is not None:
        said.append(f"The estimate is {facts.estimate} of 1000.")
    if facts.two_step:
        joined = facts.two_step[0]
        ends = [claim.subject, claim.object]
        if claim.relation == Relation.TAKES_PART_IN:
            said.append(f"{claim.subject} interacts with {joined}. {joined} takes part in {object_name or ends[1]}.")
        else:
            said.append(" ".join(f"{end} interacts with {joined}." for end in ends))
    if facts.terms:
        ends = [claim.subject] if claim.relation == Relation.TAKES_PART_IN else [claim.subject, claim.object]
        said.append(" ".join(f"{end} takes part in {facts.terms[0]}." for end in ends))
    return " ".join(said) or "The graph says nothing of it."


def target_completion(think: str, answer: Literal["yes", "no"], confidence: int) -> str:
    """A well-formed completion; `confidence` is the digit, 1 to 9."""
    return f"{answer_opening(think)}{answer} {confidence}</answer>"


def prompt_text(tokenizer: Any, messages: Messages) -> str:
    """The prompt as the model reads it, up to where its answer begins."""
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
