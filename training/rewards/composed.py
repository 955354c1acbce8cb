"""The composed reward: scores of several verifiers become one number per completion, in the shape that TRL calls.

The default scoring rule is the Brier rule on the pooled probability v. RLCR (Damani et al. 2025, "Beyond Binary
Rewards: Training LMs to Reason About Their Uncertainty") adds a Brier term of a stated confidence to a reward of 0 or 1
for correctness. Its rule is proper for a hard label. Ours is proper for a soft v;
docs/explanation/reward.md compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
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
from rbio_kg.training.rewards.assignment import Assigner, text_share
from rbio_kg.training.rewards.cache import cache_of
from rbio_kg.training.rewards.config import RewardConfig
from rbio_kg.training.rewards.result import ScoredCompletion, variance_report
from rbio_kg.training.rewards.trl import COLUMN_HINT, MAIN, BatchScorer, RewardFunction, Weighted, named_verifiers
from rbio_kg.verifiers.base.answers import verdict_of
from rbio_kg.verifiers.pooling import pool
from rbio_kg.verifiers.scoring_rules import relative, rounded, scoring_rule


@dataclass(frozen=True)
class _Rows:
    """The completions of one call, parsed; all fields have one item for each completion."""

    claims: list[Claim]
    texts: list[str]
    parsed: list[ParsedCompletion]
    own_reasoning: list[str]
    priors: list[float | None]


class ComposedReward:
    """The reward of a completion by what the verifiers say about the claim and about the reasoning.

    A parsed completion gets (1 - T) * rule(target, q) + T * (weighted mean of the text verifiers' scores), with T =
    `text_weight` (0 without text verifiers); an unparsed one gets 0. The target is the pooled probability v of the
    claim verifiers that do not abstain, or v compared with the gene's base rate. Where all of them abstain the reward
    is None: the completion is left out of the training.

    Args:
        verifiers: name to (verifier, weight), or (verifier, weight) pairs that go by the verifiers' own names. Weights
            count relative to the others of the same kind (claim or text). A verifier of weight 0 is recorded only.
        config: the settings; None: the defaults.
        settings: fields of `RewardConfig` that replace those of `config`, such as `scoring="log"`.

    Raises:
        RewardError: the configuration cannot work.

    Example:
        >>> from rbio_kg.verifiers.base.verifier import Card, Verifier
        >>> class Constant(Verifier):
        ...     name = "constant"
        ...     card = Card("a constant", frozenset(), "nothing", (), "none", "none")
        ...     def score(self, claims, texts=None):
        ...         return np.full(len(claims), 0.8)
        ...     def explain(self, claim, text=None):
        ...         return Verdict(0.8, "ok", verifier="constant")
        >>> reward = ComposedReward({"constant": (Constant(), 1.0)}, scoring="brier")
        >>> claim = Claim("SP1", "changes_expression_of", "TP53", "k562")
        >>> texts = [f"<think>So.</think><answer>{answer}</answer>" for answer in ("yes 8", "no 8", "perhaps")]
        >>> [completion.reward for completion in reward.score_completions([claim] * 3, texts)]
        [0.84, 0.48, 0.0]
    """

    def __init__(
        self,
        verifiers: Mapping[str, Weighted] | Iterable[Weighted],
        config: RewardConfig | None = None,
        **settings: Any,
    ) -> None:
        self.config = replace(config or RewardConfig(), **settings)
        self.verifiers = named_verifiers(verifiers)
        self.claim_verifiers = {name: pair for name, pair in self.verifiers.items() if pair[0].kind == "claim"}
        self.text_verifiers = {name: pair for name, pair in self.verifiers.items() if pair[0].kind == "text"}
        has_text = any(weight > 0 for _, weight in self.text_verifiers.values())
        self._check_text_weight(has_text)
        self.text_weight = self.config.text_weight if has_text else 0.0
        self._rule = scoring_rule(self.config.scoring)
        weights = {name: weight for name, (_, weight) in self.verifiers.items()}
        self.assigner = Assigner(weights, self.config.assignment, self.config.verifiers_by_family)
        self.batches = BatchScorer(self.score_groups, complete_groups=self.config.share_weight > 0)
        self._open_caches()

    def _check_text_weight(self, has_text: bool) -> None:
        has_claim = any(weight > 0 for _, weight in self.claim_verifiers.values())
        text_weight = self.config.text_weight
        if not has_claim and text_weight != 1.0:
            raise RewardError(
                "no claim verifier has a positive weight, so no answer can be right or wrong",
                hint="add graph_path, link_predictor, expression or experiment, or reward text alone: text_weight 1",
            )
        if not 0.0 <= text_weight < 0.5 and (has_claim or not has_text or text_weight != 1.0):
            raise RewardError(
                f"text_weight must be at least 0 and below 0.5, not {text_weight}",
                hint="it can be 1 where only text verifiers have a weight",
            )

    def _open_caches(self) -> None:
        self._caches = {name: cache_of(verifier) for name, (verifier, _) in self.verifiers.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_caches"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open_caches()

    def __repr__(self) -> str:
        weights = ", ".join(f"{name} {weight:g}" for name, (_, weight) in self.verifiers.items())
        return f"ComposedReward({weights}; {self.config.scoring}, {self.config.pooling})"

    def _repr_html_(self) -> str:
        """The verifiers and their weights, for notebooks."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{verifier.kind}</td><td>{weight:g}</td></tr>"
            for name, (verifier, weight) in self.verifiers.items()
        )
        head = "<tr><th>verifier</th><th>kind</th><th>weight</th></tr>"
        return (
            f"<p>{escape(str(self.config.scoring))} rule, {self.config.pooling} pooling</p><table>{head}{rows}</table>"
        )

    def describe(self) -> dict[str, Any]:
        """The configuration as plain JSON values, for manifests."""
        weights = {name: weight for name, (_, weight) in self.verifiers.items()}
        return {"verifiers": weights, **self.config.to_json(), "text_weight": self.text_weight}

    @property
    def part_names(self) -> list[str]:
        """Names of the parts: the verifiers', then `answer`, `format` and, where it has a weight, `share_reward`."""
        return [*self.verifiers, "answer", "format", *([SHARE] if self.config.share_weight else [])]

    @property
    def functions(self) -> list[Callable[..., list[float | None]]]:
        """For TRL's `reward_funcs`: the main reward, then one function for each part, each with its own `__name__`."""
        return [RewardFunction(self.batches, name) for name in (MAIN, *self.part_names)]

    @property
    def weights(self) -> list[float]:
        """For TRL's `reward_weights`: 1 for the main reward, 0 for the parts, which are only recorded."""
        return [1.0, *(0.0 for _ in self.part_names)]

    def score_completions(
        self,
        claims: Sequence[Claim],
        completions: Sequence[Completion],
        gene_prior: Sequence[float | None] | None = None,
        prompts: Sequence[Completion] | None = None,
    ) -> list[ScoredCompletion]:
        """Score completions, each by itself, in their order.

        Args:
            claims: the claim of each completion's question, (n,).
            completions: plain texts or chat messages, (n,).
            gene_prior: base rates of the claims' relations for their objects among training knockdowns, (n,).
            prompts: what the policy read, (n,). Text verifiers do not see sentences that are copied from there.

        Raises:
            RewardError: lengths differ, or `gene_prior` is needed and missing.
            VerifierError: a verifier raised, or returned something that is not a probability.
        """
        return self._score_rows(self._rows(claims, completions, gene_prior, prompts))

    def score_groups(
        self,
        claims: Sequence[Claim],
        completions: Sequence[Completion],
        gene_prior: Sequence[float | None] | None = None,
        prompts: Sequence[Completion] | None = None,
    ) -> list[ScoredCompletion]:
        """Score completions with the group term, as trainers get them; arguments as of `score_completions`.

        The completions of one prompt are neighbours and form a group. With a `share_weight` w, a parsed completion gets
        (1 - w) times its own reward + w times `rbio_kg.training.rewards.answer_rate.share_reward`.
        """
        scored = self.score_completions(claims, completions, gene_prior, prompts)
        if not self.config.share_weight:
            return scored
        texts = [""] * len(scored) if prompts is None else [completion_text(prompt) for prompt in prompts]
        return with_shares(scored, texts, self.config.share_weight)

    def explain(self, claim: Claim, completion: Completion, prompt: Completion = "") -> list[Verdict]:
        """Every verifier's verdict with its evidence; text verifiers' verdicts are on this completion's reasoning.

        Raises:
            VerifierError: a verifier raised.
        """
        parsed = self.parse(completion_text(completion))
        reasoning = own_words(parsed.think, completion_text(prompt))
        verdicts = []
        for name, (verifier, _) in self.verifiers.items():
            verdict = verdict_of(name, verifier, claim, reasoning if verifier.kind == "text" else None)
            verdicts.append(replace(verdict, verifier=name))
        return verdicts

    @property
    def require_confidence(self) -> bool:
        """Whether an answer without a confidence is unparsed."""
        return self.config.needs_confidence

    def parse(self, text: str) -> ParsedCompletion:
        """A completion's parts by the format that this reward asks for."""
        return parse_completion(text, require_confidence=self.config.needs_confidence)

    def variance_report(self, groups: Sequence[Sequence[ScoredCompletion]]) -> list[dict[str, Any]]:
        """Which parts differ inside a group: see `rbio_kg.training.rewards.result.variance_report`."""
        return variance_report(groups)

    def _rows(
        self,
        claims: Sequence[Claim],
        completions: Sequence[Completion],
        gene_prior: Sequence[float | None] | None,
        prompts: Sequence[Completion] | None,
    ) -> _Rows:
        texts = [completion_text(completion) for completion in completions]
        given = [""] * len(texts) if prompts is None else prompts
        priors = [_prior(value) for value in ([None] * len(texts) if gene_prior is None else gene_prior)]
        for name, values in (("claims", claims), ("gene_prior", priors), ("prompts", given)):
            if len(values) != len(texts):
                raise RewardError(f"{len(values)} {name} for {len(texts)} completions")
        if self.config.relative_to and gene_prior is None:
            raise RewardError("the reward is relative to gene_prior, and no gene_prior is given", hint=COLUMN_HINT)
        read = [text_read(prompt, completion) for prompt, completion in zip(given, completions, strict=True)]
        parsed = [self.parse(text) for text in texts]
        own = [own_words(item.think, prompt) for item, prompt in zip(parsed, read, strict=True)]
        return _Rows(list(claims), texts, parsed, own, priors)

    def _score_rows(self, rows: _Rows) -> list[ScoredCompletion]:
        scores = self._claim_scores(rows) | self._text_scores(rows)
        soft = {name: rounded(values, self.config.round_to) for name, values in scores.items()}
        available = {name: ~np.isnan(values) | (name in self.text_verifiers) for name, values in scores.items()}
        masks = self.assigner.masks(rows.claims, available)
        v = self._pooled(scores, masks)
        pi = np.array([np.nan if value is None else value for value in rows.priors])
        target = self._target(rows.claims, v, pi)
        q = np.array([self._stated(parsed) for parsed in rows.parsed])
        well_formed = ~np.isnan(q)
        answer = np.where(well_formed, self._rule(target, q), np.where(np.isnan(target), np.nan, 0.0))
        reward = self._total(answer, well_formed, soft, masks)
        parts = {name: self._part(name, soft[name], q) for name in self.verifiers}
        parts |= {"answer": answer, "format": well_formed.astype(np.float64)}
        skill = self._rule(v, q) - self._rule(v, pi)
        return [
            ScoredCompletion(
                claim=rows.claims[i],
                text=rows.texts[i],
                parsed=rows.parsed[i],
                reward=_plain(reward[i]),
                parts={name: _plain(values[i]) for name, values in parts.items()},
                scores={name: _plain(values[i]) for name, values in scores.items()},
                v=_plain(v[i]),
                target=_plain(target[i]),
                gene_prior=rows.priors[i],
                skill=_plain(skill[i]),
            )
            for i in range(len(rows.claims))
        ]

    def _target(self, claims: Sequence[Claim], v: FloatArray, pi: FloatArray) -> FloatArray:
        """The probability with the best reward, (n,): v, or for knockdowns v compared with the base rate."""
        if self.config.relative_to:
            knockdown = np.array([claim.relation in KNOCKDOWN_RELATIONS for claim in claims], dtype=np.bool_)
            v = np.where(knockdown, relative(v, pi), v)
        return rounded(v, self.config.round_to)

    def _total(
        self,
        answer: FloatArray,
        well_formed: BoolArray,
        soft: Mapping[str, FloatArray],
        masks: Mapping[str, BoolArray],
    ) -> FloatArray:
        """The reward, (n,): the answer's and the text's, by the share that text has in each row."""
        share = text_share(self._any(masks, "claim"), self._any(masks, "text"), self.text_weight)
        text = np.where(well_formed, share * self._text_reward(soft, masks, len(answer)), 0.0)
        return text + np.where(share < 1.0, np.where(well_formed, 1.0 - share, 1.0) * answer, 0.0)

    def _stated(self, parsed: ParsedCompletion) -> float:
        """The q that the rule rewards. The linear rule reads the word alone, so that "yes 3" is a yes."""
        if parsed.answer is None or parsed.q is None:
            return math.nan
        return float(parsed.answer == "yes") if self.config.scoring == "linear" else parsed.q

    def _claim_scores(self, rows: _Rows) -> dict[str, FloatArray]:
        return {name: self._caches[name].scores(name, rows.claims) for name in self.claim_verifiers}

    def _text_scores(self, rows: _Rows) -> dict[str, FloatArray]:
        parsed = [i for i, item in enumerate(rows.parsed) if item.problem is None]
        found = {}
        for name in self.text_verifiers:
            values = np.full(len(rows.claims), np.nan)
            if parsed:
                claims, texts = [rows.claims[i] for i in parsed], [rows.own_reasoning[i] for i in parsed]
                values[parsed] = self._caches[name].scores(name, claims, texts)
            found[name] = values
        return found

    def _pooled(self, scores: Mapping[str, FloatArray], masks: Mapping[str, BoolArray]) -> FloatArray:
        weights = [weight for _, weight in self.claim_verifiers.values()]
        if not any(weights):
            return np.full(len(next(iter(masks.values()))), np.nan)
        assigned = np.stack([np.where(masks[name], scores[name], np.nan) for name in self.claim_verifiers])
        return pool(assigned, weights, self.config.pooling)[0]

    def _any(self, masks: Mapping[str, BoolArray], kind: str) -> BoolArray:
        """Which rows a verifier of a kind scores, (n,)."""
        scoring = [mask & (self.verifiers[name][0].kind == kind) for name, mask in masks.items()]
        return np.asarray(np.any(scoring, axis=0), dtype=np.bool_)

    def _text_reward(self, soft: Mapping[str, FloatArray], masks: Mapping[str, BoolArray], n: int) -> FloatArray:
        """Weighted mean of the scores of the row's text verifiers, (n,), with each verifier's abstain reward."""
        summed, total = np.zeros(n), np.zeros(n)
        for name, (verifier, weight) in self.text_verifiers.items():
            value = np.where(np.isnan(soft[name]), verifier.abstain_reward, soft[name])
            summed += np.where(masks[name], weight * value, 0.0)
            total += np.where(masks[name], weight, 0.0)
        return np.divide(summed, total, out=np.zeros(n), where=total > 0)

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
