"""The graph-grounded reward: several verifiers composed into one number per completion, in the shape TRL calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rbio_kg.core.claims import KNOCKDOWN_RELATIONS, Claim, Verdict
from rbio_kg.core.errors import RewardError
from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.training.prompts.parser import (
    Completion,
    ParsedCompletion,
    completion_text,
    own_words,
    parse_completion,
    text_read,
)
from rbio_kg.training.rewards.answer_rate import SHARE, with_shares
from rbio_kg.training.rewards.assignment import Assigner, Assignment, rewarded_share
from rbio_kg.training.rewards.cache import AttributedErrors, cache_of
from rbio_kg.training.rewards.result import ScoredCompletion, variance_report
from rbio_kg.training.rewards.trl import COLUMN_HINT, MAIN, RewardFunction, Weighted, named_verifiers
from rbio_kg.verifiers.pooling import DEFAULT_POOLING, Pooling, pool
from rbio_kg.verifiers.scoring_rules import Scoring, relative, rounded, scoring_rule

SETTINGS = ("scoring", "pooling", "relative_to", "text_weight", "share_weight", "round_to", "require_confidence")


class ComposedReward:
    """Pays a completion by what the verifiers say about the claim and about the reasoning.

    A parsed completion earns (1 - T) * rule(target, q) + T * (weighted mean of the text verifiers' scores), with T =
    `text_weight` (0 without text verifiers); an unparsed one earns 0. The target is the pooled probability v of the
    claim verifiers that spoke, or v beyond the gene's habit. Where none spoke the reward is None: neither lesson nor
    penalty.

    Args:
        verifiers: name to (verifier, weight), or (verifier, weight) pairs that go by the verifiers' own names. Weights
            count relative to the others of the same kind (claim or text); weight 0 is recorded and not paid.
        scoring: `brier`, `log` (both proper) or `linear` (the confidence is ignored).
        pooling: `mean` or `log_odds`; default: `rbio_kg.verifiers.pooling.DEFAULT_POOLING`.
        relative_to: None, or `gene_prior`: pay what the claim verifiers say beyond that column's rate.
        text_weight: share T of the reward that text verifiers decide, 0 to less than 0.5, so that no text can make up
            for a clearly wrong answer; 1 where there are only text verifiers, said so that it cannot happen by mistake.
        share_weight: share of the reward, 0 to less than 1, that holds a group's share of yes at the target (see
            `rbio_kg.training.rewards.answer_rate`). It counts where the completions of one prompt are judged together.
        round_to: verifiers' scores are rounded to this step before anything is paid; 0 rounds nothing.
        require_confidence: whether an answer without a confidence is unparsed; default: unless the rule is linear.
        assignment, judges: who judges which question (see `rbio_kg.training.rewards.assignment.Assigner`). Where only
            text verifiers judge a question, a well-formed completion earns their mean score and its answer nothing.

    Raises:
        RewardError: the configuration cannot work.
    """

    def __init__(
        self,
        verifiers: Mapping[str, Weighted] | Iterable[Weighted],
        *,
        scoring: Scoring | str = "brier",
        pooling: Pooling = DEFAULT_POOLING,
        relative_to: str | None = None,
        text_weight: float = 0.1,
        share_weight: float = 0.0,
        round_to: float = 0.05,
        require_confidence: bool | None = None,
        assignment: Assignment = "all",
        judges: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.verifiers = named_verifiers(verifiers)
        self.claim_verifiers = {name: pair for name, pair in self.verifiers.items() if pair[0].kind == "claim"}
        self.text_verifiers = {name: pair for name, pair in self.verifiers.items() if pair[0].kind == "text"}
        judged = any(weight > 0 for _, weight in self.claim_verifiers.values())
        if not judged and text_weight != 1.0:
            raise RewardError(
                "no claim verifier has a positive weight, so no answer can be right or wrong",
                hint="add graph_path, link_predictor, expression or experiment, or pay text alone: text_weight 1",
            )
        if pooling not in ("mean", "log_odds"):
            raise RewardError(f"unknown pooling {pooling!r}", hint="known: mean, log_odds")
        if relative_to not in (None, "gene_prior"):
            raise RewardError(f"a reward cannot be relative to {relative_to!r}", hint="known: gene_prior")
        paid = any(weight > 0 for _, weight in self.text_verifiers.values())
        if not 0.0 <= text_weight < 0.5 and (judged or not paid or text_weight != 1.0):
            raise RewardError(
                f"text_weight must be at least 0 and below 0.5, not {text_weight}",
                hint="it can be 1 where only text verifiers have a weight",
            )
        if not 0.0 <= share_weight < 1.0:
            raise RewardError(f"share_weight must be at least 0 and below 1, not {share_weight}")
        if not 0.0 <= round_to <= 0.5:
            raise RewardError(f"round_to must lie between 0 and 0.5, not {round_to}")
        self.scoring, self.pooling, self.relative_to, self.round_to = scoring, pooling, relative_to, round_to
        self._rule = scoring_rule(scoring)
        self.require_confidence = scoring != "linear" if require_confidence is None else require_confidence
        self.text_weight = text_weight if paid else 0.0
        self.share_weight = share_weight
        self.assigner = Assigner({name: weight for name, (_, weight) in self.verifiers.items()}, assignment, judges)
        self._remember()

    def _remember(self) -> None:
        self._last: tuple[object, list[ScoredCompletion]] | None = None
        self._memories = {name: cache_of(verifier) for name, (verifier, _) in self.verifiers.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_last", "_memories")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._remember()

    def describe(self) -> dict[str, Any]:
        """The configuration as plain JSON values, for manifests."""
        return {
            "verifiers": {name: weight for name, (_, weight) in self.verifiers.items()},
            **{name: getattr(self, name) for name in SETTINGS},
            "assignment": self.assigner.how,
            "judges": {family: list(names) for family, names in self.assigner.judges.items()},
        }

    @property
    def part_names(self) -> list[str]:
        """Names of the parts: the verifiers', then `answer`, `format` and, where it has a weight, `share_reward`."""
        return [*self.verifiers, "answer", "format", *([SHARE] if self.share_weight else [])]

    @property
    def functions(self) -> list[Callable[..., list[float | None]]]:
        """For TRL's `reward_funcs`: the main reward, then one function a part; each has its own `__name__`."""
        return [RewardFunction(self, MAIN), *(RewardFunction(self, name) for name in self.part_names)]

    @property
    def weights(self) -> list[float]:
        """For TRL's `reward_weights`: 1 for the main reward, 0 for the parts, which are only recorded."""
        return [1.0, *(0.0 for _ in self.part_names)]

    def judge(
        self,
        claims: Sequence[Claim],
        completions: Sequence[Completion],
        gene_prior: Sequence[float | None] | None = None,
        prompts: Sequence[Completion] | None = None,
        *,
        grouped: bool = False,
    ) -> list[ScoredCompletion]:
        """Judge completions, in their order. The last batch is remembered, so asking again costs nothing.

        Args:
            claims: what each completion was asked about, (n,).
            completions: plain texts or chat messages, (n,).
            gene_prior: how often the claims' relations hold of their objects among training knockdowns, (n,).
            prompts: what the policy read, (n,): text verifiers do not see sentences that are copied from there.
            grouped: as trainers are told: the completions of one prompt stand side by side, and with a `share_weight` w
                a parsed one earns (1 - w) * its own reward + w * `rbio_kg.training.rewards.answer_rate.share_reward`.

        Raises:
            RewardError: lengths differ, or `gene_prior` is needed and missing.
            VerifierError: a verifier raised, or answered with something that is no probability.
        """
        texts = [completion_text(completion) for completion in completions]
        given = [""] * len(texts) if prompts is None else prompts
        priors = [_prior(value) for value in ([None] * len(texts) if gene_prior is None else gene_prior)]
        for name, values in (("claims", claims), ("gene_prior", priors), ("prompts", given)):
            if len(values) != len(texts):
                raise RewardError(f"{len(values)} {name} for {len(texts)} completions")
        asked = [text_read(*pair) for pair in zip(given, completions, strict=True)]
        if self.relative_to and gene_prior is None:
            raise RewardError("the reward is relative to gene_prior, and no gene_prior is given", hint=COLUMN_HINT)
        together = [completion_text(prompt) for prompt in given] if grouped and self.share_weight else None
        key = (tuple(claims), tuple(texts), tuple(priors), tuple(asked), together)
        if self._last is None or self._last[0] != key:
            judged = self._judge(list(claims), texts, priors, asked)
            self._last = (key, judged if together is None else with_shares(judged, together, self.share_weight))
        return list(self._last[1])

    def explain(self, claim: Claim, completion: Completion, prompt: Completion = "") -> list[Verdict]:
        """Every verifier's verdict with its evidence, text verifiers' on this completion's reasoning.

        Raises:
            VerifierError: a verifier raised.
        """
        parsed = parse_completion(completion_text(completion), require_confidence=self.require_confidence)
        think = own_words(parsed.think, completion_text(prompt))
        verdicts = []
        for name, (verifier, _) in self.verifiers.items():
            with AttributedErrors(name):
                verdict = verifier.explain(claim, think if verifier.kind == "text" else None)
                verdicts.append(replace(verdict, verifier=name))
        return verdicts

    def variance_report(self, groups: Sequence[Sequence[ScoredCompletion]]) -> list[dict[str, Any]]:
        """Which parts differ inside a group: see `rbio_kg.training.rewards.result.variance_report`."""
        return variance_report(groups)

    def _judge(
        self, claims: list[Claim], texts: list[str], priors: list[float | None], prompts: list[str]
    ) -> list[ScoredCompletion]:
        parsed = [parse_completion(text, require_confidence=self.require_confidence) for text in texts]
        thinks = [own_words(item.think, prompt) for item, prompt in zip(parsed, prompts, strict=True)]
        scores = self._claim_scores(claims) | self._text_scores(claims, parsed, thinks)
        soft = {name: rounded(values, self.round_to) for name, values in scores.items()}
        spoke = {name: ~np.isnan(values) | (name in self.text_verifiers) for name, values in scores.items()}
        masks = self.assigner.masks(claims, spoke)
        pooled = self._pooled(scores, masks)
        pi = np.array([np.nan if value is None else value for value in priors])
        # Only a knockdown's object has a habit; of other claims v itself is paid.
        habitual = np.array([claim.relation in KNOCKDOWN_RELATIONS for claim in claims], dtype=np.bool_)
        beyond = np.where(habitual, relative(pooled, pi), pooled)
        target = rounded(beyond if self.relative_to else pooled, self.round_to)
        q = np.array([self._stated(item) for item in parsed])
        good = ~np.isnan(q)
        answer = np.where(good, self._rule(target, q), np.where(np.isnan(target), np.nan, 0.0))
        share = rewarded_share(self._any(masks, "claim"), self._any(masks, "text"), self.text_weight)
        text = np.where(good, share * self._text_reward(soft, masks, len(q)), 0.0)
        total = text + np.where(share < 1.0, np.where(good, 1.0 - share, 1.0) * answer, 0.0)
        parts = {name: self._part(name, soft[name], q) for name in self.verifiers}
        parts |= {"answer": answer, "format": good.astype(np.float64)}
        skill = self._rule(pooled, q) - self._rule(pooled, pi)
        return [
            ScoredCompletion(
                claim=claims[i],
                text=texts[i],
                parsed=parsed[i],
                reward=_plain(total[i]),
                parts={name: _plain(values[i]) for name, values in parts.items()},
                scores={name: _plain(values[i]) for name, values in scores.items()},
                v=_plain(pooled[i]),
                target=_plain(target[i]),
                gene_prior=priors[i],
                skill=_plain(skill[i]),
            )
            for i in range(len(claims))
        ]

    def _stated(self, parsed: ParsedCompletion) -> float:
        """The q that the rule is to pay; the linear rule hears the word alone, so that "yes 3" is a yes."""
        if parsed.answer is None or parsed.q is None:
            return math.nan
        return float(parsed.answer == "yes") if self.scoring == "linear" else parsed.q

    def _claim_scores(self, claims: list[Claim]) -> dict[str, FloatArray]:
        return {name: self._memories[name].scores(name, claims) for name in self.claim_verifiers}

    def _text_scores(
        self, claims: list[Claim], parsed: list[ParsedCompletion], thinks: list[str]
    ) -> dict[str, FloatArray]:
        rows = [i for i, item in enumerate(parsed) if item.problem is None]
        found = {}
        for name in self.text_verifiers:
            values = np.full(len(claims), np.nan)
            if rows:
                asked = [claims[i] for i in rows], [thinks[i] for i in rows]
                values[rows] = self._memories[name].scores(name, *asked)
            found[name] = values
        return found

    def _pooled(self, scores: Mapping[str, FloatArray], masks: Mapping[str, BoolArray]) -> FloatArray:
        weights = [weight for _, weight in self.claim_verifiers.values()]
        if not any(weights):
            return np.full(len(next(iter(masks.values()))), np.nan)
        heard = np.stack([np.where(masks[name], scores[name], np.nan) for name in self.claim_verifiers])
        return pool(heard, weights, self.pooling)[0]

    def _any(self, masks: Mapping[str, BoolArray], kind: str) -> BoolArray:
        """Which rows a verifier of a kind judges, (n,)."""
        judging = [mask & (self.verifiers[name][0].kind == kind) for name, mask in masks.items()]
        return np.asarray(np.any(judging, axis=0), dtype=np.bool_)

    def _text_reward(self, soft: Mapping[str, FloatArray], masks: Mapping[str, BoolArray], n: int) -> FloatArray:
        """Weighted mean of the scores of the row's text verifiers, (n,); silence is paid as each verifier says."""
        paid, total = np.zeros(n), np.zeros(n)
        for name, (verifier, weight) in self.text_verifiers.items():
            worth = np.where(np.isnan(soft[name]), verifier.silence, soft[name])
            paid += np.where(masks[name], weight * worth, 0.0)
            total += np.where(masks[name], weight, 0.0)
        return np.divide(paid, total, out=np.zeros(n), where=total > 0)

    def _part(self, name: str, soft: FloatArray, q: FloatArray) -> FloatArray:
        if name in self.text_verifiers:
            return soft
        return np.where(np.isnan(q), np.where(np.isnan(soft), np.nan, 0.0), self._rule(soft, q))


def _prior(value: float | None) -> float | None:
    if value is None or math.isnan(value):
        return None
    if not 0.0 <= value <= 1.0:
        raise RewardError(f"gene_prior must be a rate between 0 and 1, not {value}")
    return float(value)


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(round(value, 10))
