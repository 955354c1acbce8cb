"""Trivial predictors for evaluations; they live beside the scorecards, which show them too."""

from verifiers.baselines import baseline_scores

__all__ = ["baseline_scores"]
