"""Recording: the main reward function for TRL also writes every completion and its verdicts to the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.claims import Claim, Status, Verdict
from rbio_kg.core.errors import VerifierError
from rbio_kg.training.prompts.parser import Completion, completion_text, text_read
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.training.runs.rollout_file import CheckedStatement, Rollout, checked_statements, write_rollouts
from rbio_kg.verifiers.text.reasoning_trace import READ_CHARACTERS

if TYPE_CHECKING:
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.rewards.result import ScoredCompletion
    from rbio_kg.verifiers.text.statements import StatementChecker


class RolloutRecorder:
    """The main reward function for TRL, which also writes what it saw to the rollout file of the step.

    Args:
        reward: the composed reward.
        folder: where the files go.
        run: the run's name.
        explained: completions a step that are stored with cited evidence; one of each question before a second.
        checker: reads what completions state and checks it against the graph; None: statements are not stored.
        processes: of this training; the first one writes the rollouts of all.
    """

    def __init__(
        self,
        reward: ComposedReward,
        folder: Path,
        run: str,
        explained: int,
        *,
        checker: StatementChecker | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.reward = reward
        self.main = reward.functions[0]
        self.folder = folder
        self.run = run
        self.processes = processes or Processes()
        self.explained = -(-explained // self.processes.size)
        self.checker = checker
        self.batches = 0
        self.__name__ = self.main.__name__

    def __call__(
        self, prompts: Sequence[Completion], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        """The main reward of each completion; the batch goes to the file of the step that it is made for."""
        self.batches += 1
        rewards = self.main(prompts=prompts, completions=completions, **columns)
        scored = self.reward.batches(prompts, completions, columns).completions
        _log_shares(scored, columns.get("log_metric"))
        state = columns.get("trainer_state")
        step = (0 if state is None else int(state.global_step)) + 1
        read = [text_read(*pair) for pair in zip(prompts, completions, strict=True)]
        rollouts = self.processes.gather(self.rollouts(step, scored, read))
        if self.processes.first:
            write_rollouts(self.folder, step, rollouts)
        return list(rewards)

    def rollouts(self, step: int, scored: Sequence[ScoredCompletion], prompts: Sequence[Completion]) -> list[Rollout]:
        """One rollout a completion."""
        explained = set(_spread([item.claim for item in scored], self.explained))
        return [
            Rollout(
                run=self.run,
                step=step,
                claim=item.claim,
                prompt=completion_text(prompt),
                completion=item.text,
                answer=item.answer,
                confidence=item.confidence,
                q=item.q,
                reward=item.reward,
                parts=dict(item.parts),
                verdicts=tuple(self._explained(item, prompt) if position in explained else plain_verdicts(item.scores)),
                statements=self._statements(item.text),
            )
            for position, (item, prompt) in enumerate(zip(scored, prompts, strict=True))
        ]

    def _statements(self, text: str) -> tuple[CheckedStatement, ...] | None:
        """What a text's first characters state, as far as the verifier of reasoning traces reads."""
        return None if self.checker is None else checked_statements(self.checker.check(text[:READ_CHARACTERS]))

    def _explained(self, scored: ScoredCompletion, prompt: Completion) -> list[Verdict]:
        """Verdicts with evidence. They are only recorded: one that cannot be made does not end the training."""
        try:
            return self.reward.explain(scored.claim, scored.text, prompt)
        except VerifierError as error:
            return [replace(item, reason=f"no evidence: {error.what}") for item in plain_verdicts(scored.scores)]


def _log_shares(scored: Sequence[ScoredCompletion], log_metric: Callable[[str, float], None] | None) -> None:
    """Log what the alarms read: shares of all completions, so that the mean over equal batches is the share of all."""
    if log_metric is None or not scored:
        return
    for answer in ("yes", "no"):
        log_metric(f"answered_{answer}", sum(item.answer == answer for item in scored) / len(scored))
    probabilities = [item.v for item in scored if item.v is not None]
    if probabilities:
        log_metric("verifiers_mean", sum(probabilities) / len(probabilities))


def plain_verdicts(scores: Mapping[str, float | None]) -> list[Verdict]:
    """Verdicts without evidence from the verifiers' scores."""
    return [
        Verdict(score, Status.ABSTAIN if score is None else Status.OK, verifier=name) for name, score in scores.items()
    ]


def _spread(claims: Sequence[Claim], wanted: int) -> list[int]:
    """Positions of `wanted` completions: the first of each claim, then the second of each, and so on."""
    seen: dict[Claim, int] = {}
    turns = []
    for position, claim in enumerate(claims):
        seen[claim] = seen.get(claim, -1) + 1
        turns.append((seen[claim], position))
    return [position for _, position in sorted(turns)[:wanted]]
