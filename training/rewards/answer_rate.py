"""Pay that holds the share of yes: a group's answers together are a forecast, and its proper score is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from rbio_kg.core.typing import BoolArray, FloatArray
from rbio_kg.training.rewards.result import ScoredCompletion

SHARE = "share_reward"
"""What this part of the reward is called."""


def share_reward(yes: BoolArray, target: float) -> FloatArray:
    """What each answer of one group earns for the share of yes that the group shows.

    The unbiased ("fair") Brier score of an ensemble (Ferro 2014, doi:10.1002/qj.2270), shared out: of each pair of a
    yes and a no, the yes gains on the no by the target less the share of yes among all the others. The policy gradient
    that follows is, in expectation, (1 - 1/n) times that of -(p - target)^2 / 4, so that p(yes) is led to the target
    and not to 0 or 1. What one answer gains others of its group lose: no way of writing raises a group's pay.

    Args:
        yes: whether each readable answer to the question is yes, (n,).
        target: the probability of yes that is paid for, 0 to 1.

    Returns:
        The pay, (n,), 0 to 1, of mean 1/2; 1/2 for all where there are fewer than three answers, or they agree.
    """
    count, said = len(yes), int(yes.sum())
    if count < 3:
        return np.full(count, 0.5)
    others = (said - 1) / (count - 2)
    return 0.5 + 0.5 * (target - others) * (yes.astype(np.float64) - said / count)


def with_shares(judged: Sequence[ScoredCompletion], prompts: Sequence[str], weight: float) -> list[ScoredCompletion]:
    """Judgements whose rewards are, by a share, the pay of their group; unparsed ones still earn 0.

    Args:
        judged: completions, (n,); those of one prompt stand side by side, as trainers put them.
        prompts: what they answer, (n,).
        weight: share of the reward that is paid for the share of yes, 0 to 1.
    """
    shared = []
    for _, rows in groupby(zip(judged, prompts, strict=True), key=lambda row: (row[0].claim, row[1])):
        group = [item for item, _ in rows]
        target = group[0].target
        if target is None:
            shared += [replace(item, parts={**item.parts, SHARE: None}) for item in group]
            continue
        said = np.array([item.answer == "yes" for item in group if item.answer is not None], dtype=np.bool_)
        pay = iter(share_reward(said, target).tolist())
        for item in group:
            part = 0.0 if item.answer is None else round(next(pay), 10)
            reward = round((1.0 - weight) * (item.reward or 0.0) + weight * part, 10)
            shared.append(replace(item, reward=reward, parts={**item.parts, SHARE: part}))
    return shared
