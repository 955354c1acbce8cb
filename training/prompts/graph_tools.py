"""Tools by which a policy queries the graph while it reasons, through TRL's environments. Experimental, as TRL's are.

The environment knows the question it was reset to: known knockdowns are those outside its fold, never its own outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Relation
from rbio_kg.core.errors import TrainingError
from rbio_kg.training.prompts.facts import FactSource
from rbio_kg.training.prompts.graph_facts import GraphFacts

if TYPE_CHECKING:
    from rbio_kg.graph.snapshot.snapshot import Snapshot

CALLS = 4
"""Number of turns of one answer in which a policy may call tools."""
RESPONSE_TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "tool_calls": {
            "open": "<tool_call>",
            "close_pattern": r"</tool_call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<\|im_end\|>\s*", "content": "text"},
    },
}
"""How calls are read in a ChatML answer. TRL's own templates would also take the think block out of the text, which the
strict parser must see."""


class GraphTools:
    """One question's tools; every public method but `reset` is one, and its docstring is what the model reads."""

    def __init__(self, source: FactSource, snapshot: Snapshot, neighbours: int) -> None:
        self._source, self._graph, self._neighbours = source, GraphFacts(snapshot), neighbours
        self._claim: Claim | None = None

    def reset(self, subject: str, relation: str, object: str, cell_line: str | None = None, **row: Any) -> None:
        """Turn to another question: the columns of its row."""
        self._claim = Claim(subject, relation, object, cell_line)

    def known_knockdowns(self) -> str:
        """
        Known knockdowns most like the one in question, each with what it did to the gene in question.

        Returns:
            One knockdown a line with yes or no, most similar first.
        """
        claim = self._current()
        found = self._source.neighbours(claim, self._neighbours)
        return "\n".join(f"{item.pert} {'yes' if item.outcome else 'no'}" for item in found) or "none"

    def rate_of_change(self) -> str:
        """
        How often known knockdowns do what the question asks to the gene in question.

        Returns:
            A number of knockdowns in ten.
        """
        return f"{min(int(self._source.rate(self._current()) * 10), 9)} in 10"

    def link(self, first: str, second: str) -> str:
        """
        How the graph joins two genes directly.

        Args:
            first: symbol of a gene.
            second: symbol of another gene.

        Returns:
            The relation, or none.
        """
        return self._graph.link(_pair(first, second)) or "none"

    def genes_between(self, first: str, second: str) -> str:
        """
        Genes that interact with both of two genes.

        Args:
            first: symbol of a gene.
            second: symbol of another gene.

        Returns:
            Their symbols, strongest first.
        """
        return " ".join(self._graph.between(_pair(first, second))) or "none"

    def shared_terms(self, first: str, second: str) -> str:
        """
        The most specific processes, functions and locations that two genes share.

        Args:
            first: symbol of a gene.
            second: symbol of another gene.

        Returns:
            Their names.
        """
        return "; ".join(self._graph.shared_terms(_pair(first, second))) or "none"

    def _current(self) -> Claim:
        if self._claim is None:
            raise TrainingError("a tool was called before there was a question")
        return self._claim


def _pair(first: str, second: str) -> Claim:
    return Claim(first, Relation.CHANGES_EXPRESSION_OF, second)


def graph_environment(
    tokenizer: Any, source: FactSource | None, snapshot: Snapshot | None, claims: list[Claim], neighbours: int
) -> Callable[[], GraphTools]:
    """What TRL's GRPOTrainer takes as `environment_factory`; the tokenizer learns to read calls.

    Raises:
        TrainingError: the model's chat template cannot call tools, no source knows the graph or the train knockdowns,
            or a question is not about a knockdown (the tools would tell its answer).
    """
    from trl.chat_template_utils import supports_tool_calling

    if source is None or snapshot is None:
        raise TrainingError(
            "the tools need a graph and a fitted expression verifier", hint="run rbio-kg train expression"
        )
    if any(claim.relation not in KNOCKDOWN_RELATIONS for claim in claims):
        raise TrainingError(
            "tools work for questions about knockdowns only: the graph holds the answers to the other families",
            hint="leave de and dir in questions.families, or choose another questions.prompt",
        )
    template = str(tokenizer.chat_template)
    if not supports_tool_calling(tokenizer) or "<tool_call>" not in template or "<|im_end|>" not in template:
        raise TrainingError(
            "the model's chat template cannot call tools in the way of ChatML (<tool_call> with JSON)",
            hint="use a model such as Qwen2.5-Instruct or Qwen3, or set questions.prompt to open",
        )
    tokenizer.response_template = RESPONSE_TEMPLATE
    return lambda: GraphTools(source, snapshot, neighbours)
