"""Rollouts: every completion of a training, with what the verifiers said about it, in Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rbio_kg.core.atomic_io import atomic_path
from rbio_kg.core.claims import Claim, Status, Verdict
from rbio_kg.core.errors import VerifierError
from rbio_kg.training.prompts.parser import Completion, completion_text, text_read
from rbio_kg.training.rewards.trl import claims_of
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.verifiers.text.reasoning_trace import READ_CHARACTERS

if TYPE_CHECKING:
    from rbio_kg.training.rewards.composed import ComposedReward
    from rbio_kg.training.rewards.result import ScoredCompletion
    from rbio_kg.verifiers.text.statements import StatementChecker

STATEMENT_FIELDS = ("subject", "relation", "object", "polarity", "certainty", "verdict")
ROLLOUT_SCHEMA: dict[str, pl.DataType] = {
    "run": pl.String(),
    "step": pl.Int64(),
    "claim_id": pl.String(),
    "subject": pl.String(),
    "relation": pl.String(),
    "object": pl.String(),
    "cell_line": pl.String(),
    "prompt": pl.String(),
    "completion": pl.String(),
    "answer": pl.String(),
    "confidence": pl.Float64(),
    "q": pl.Float64(),
    "reward": pl.Float64(),
    "parts": pl.String(),
    "verdicts": pl.String(),
    "statements": pl.String(),
}
"""One row a completion. `parts` is a JSON object, `verdicts` a JSON list of `Verdict.to_json()`: with evidence for the
first few completions of a step, score and status for the others, because explaining is slower than scoring.
`statements` is a JSON list of what the completion states about genes, each with `subject`, `relation`, `object`,
`polarity`, `certainty` and the graph's `verdict`; null where nothing reads them."""


class RolloutRecorder:
    """The main reward function for TRL, which also writes what it saw to `step-NNNNN.parquet`.

    Args:
        reward: the composed reward.
        folder: where the files go.
        run: the run's name.
        explained: completions a step that are stored with cited evidence; one of each question before a second.
        checker: reads what completions state and checks it against the graph, to be looked up later; None: not.
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
        claims = claims_of(columns)
        scored = self.reward.judge(claims, completions, columns.get("gene_prior"), prompts, grouped=True)
        _record(scored, columns.get("log_metric"))
        state = columns.get("trainer_state")
        step = (0 if state is None else int(state.global_step)) + 1
        read = [text_read(*pair) for pair in zip(prompts, completions, strict=True)]
        rows = self.processes.together(self.rows(step, scored, read))
        if self.processes.first:
            write_rollouts(self.folder, step, rows)
        return list(rewards)

    def rows(
        self, step: int, scored: Sequence[ScoredCompletion], prompts: Sequence[Completion]
    ) -> list[dict[str, Any]]:
        """One row a completion."""
        chosen = set(_spread([scored.claim for scored in scored], self.explained))
        return [
            {
                "run": self.run,
                "step": step,
                "claim_id": scored.claim.id,
                "subject": scored.claim.subject,
                "relation": str(scored.claim.relation),
                "object": scored.claim.object,
                "cell_line": scored.claim.cell_line,
                "prompt": completion_text(prompt),
                "completion": scored.text,
                "answer": scored.answer,
                "confidence": scored.confidence,
                "q": scored.q,
                "reward": scored.reward,
                "parts": json.dumps(dict(scored.parts), allow_nan=False),
                "verdicts": json.dumps(
                    [
                        verdict.to_json()
                        for verdict in (
                            self._explained(scored, prompt) if number in chosen else plain_verdicts(scored.scores)
                        )
                    ],
                    allow_nan=False,
                ),
                "statements": None if self.checker is None else json.dumps(_stated(self.checker, scored.text)),
            }
            for number, (scored, prompt) in enumerate(zip(scored, prompts, strict=True))
        ]

    def _explained(self, scored: ScoredCompletion, prompt: Completion) -> list[Verdict]:
        """Verdicts with evidence. They are only recorded: one that cannot be made is no reason to lose a training."""
        try:
            return self.reward.explain(scored.claim, scored.text, prompt)
        except VerifierError as error:
            return [replace(item, reason=f"no evidence: {error.what}") for item in plain_verdicts(scored.scores)]


def _record(scored: Sequence[ScoredCompletion], log_metric: Callable[[str, float], None] | None) -> None:
    """What the alarms read: shares of all completions, so that equal batches of several processes average rightly."""
    if log_metric is None or not scored:
        return
    for answer in ("yes", "no"):
        log_metric(f"answered_{answer}", sum(item.answer == answer for item in scored) / len(scored))
    believed = [item.v for item in scored if item.v is not None]
    if believed:
        log_metric("verifiers_mean", sum(believed) / len(believed))


def _stated(checker: StatementChecker, text: str) -> list[dict[str, str]]:
    """What a text's first characters state, as far as the verifier of reasonings reads."""
    return [
        {name: str(getattr(item, name)) for name in STATEMENT_FIELDS} for item in checker.check(text[:READ_CHARACTERS])
    ]


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


def write_rollouts(folder: Path, step: int, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write one step's rows; the file appears whole or not at all."""
    path = folder / f"step-{step:05d}.parquet"
    with atomic_path(path) as temporary:
        pl.DataFrame(list(rows), schema=ROLLOUT_SCHEMA, orient="row").write_parquet(temporary, statistics=False)
    return path


def read_rollouts(folder: Path) -> pl.DataFrame:
    """All steps' rows, in the order of the steps."""
    frames = [pl.DataFrame(schema=ROLLOUT_SCHEMA), *(pl.read_parquet(path) for path in sorted(folder.glob("step-*")))]
    return pl.concat(frames)
