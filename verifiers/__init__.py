"""Soft judges of claims: graph paths, link predictor, expression model, text, experiment."""

from verifiers.interface import Card, Verifier

__all__ = ["Card", "Verifier"]
