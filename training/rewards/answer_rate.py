"""A group term of the reward: it holds the share of yes in a group at the target probability.

A scoring rule for the stated probability cannot do this: "yes 3" and "no 7" state the same probability and get the same
reward. The completions of one question are therefore treated as an ensemble forecast, and its proper score is divided
among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.training.rewards.result import ScoredCompletion

SHARE = "share_reward"
"""Name of this part of the reward."""
LEAST_GROUP = 3
"""Completions that a group needs: below, the term is the same for all of them."""


def share_reward(yes: BoolArray, target: float) -> FloatArray:
    """The reward of each answer of one group for the share of yes in the group.

    This is the unbiased ("fair") Brier score of an ensemble (Ferro 2014, doi:10.1002/qj.2270), divided among its
    members. In each pair of a yes and a no, the yes gains on the no by the target less the share of yes among all the
    others. In expectation, the policy gradient is (1 - 1/n) times that of -(p - target)^2 / 4. It leads p(yes) to the
    target and not to 0 or 1. What one answer gains, others of its group lose: no text raises the sum over a group.

    Args:
        yes: whether each parsed answer to the question is yes, (n,).
        target: the probability of yes that gets the best reward, 0 to 1.

    Returns:
        The rewards, (n,), 0 to 1, with mean 1/2. They are 1/2 for all where there are fewer than `LEAST_GROUP` answers
        or all answers agree.

    Example:
        >>> share_reward(np.array([True, False, False]), 0.8).round(3).tolist()
        [0.767, 0.367, 0.367]
    """
    count, yeses = len(yes), int(yes.sum())
    if count < LEAST_GROUP:
        return np.full(count, 0.5)
    others = (yeses - 1) / (count - 2)
    return 0.5 + 0.5 * (target - others) * (yes.astype(np.float64) - yeses / count)


def with_shares(scored: Sequence[ScoredCompletion], prompts: Sequence[str], weight: float) -> list[ScoredCompletion]:
    """Scored completions whose rewards include the term of their group; unparsed ones still get 0.

    Args:
        scored: completions, (n,); those of one prompt are neighbours, as trainers arrange them.
        prompts: the prompts that they answer, (n,).
        weight: share of the reward that the term has, 0 to 1.
    """
    shared = []
    for _, rows in groupby(zip(scored, prompts, strict=True), key=lambda row: (row[0].claim, row[1])):
        group = [completion for completion, _ in rows]
        target = group[0].target
        if target is None:
            shared += [replace(item, parts={**item.parts, SHARE: None}) for item in group]
            continue
        yes = np.array([item.answer == "yes" for item in group if item.answer is not None], dtype=np.bool_)
        rewards = iter(share_reward(yes, target).tolist())
        for item in group:
            part = 0.0 if item.answer is None else round(next(rewards), 10)
            reward = round((1.0 - weight) * (item.reward or 0.0) + weight * part, 10)
            shared.append(replace(item, reward=reward, parts={**item.parts, SHARE: part}))
    return shared


def group_sizes(prompts: Sequence[object]) -> list[int]:
    """Numbers of neighbouring completions of the same prompt."""
    return [len(list(rows)) for _, rows in groupby(prompts)]
