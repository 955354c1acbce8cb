"""Soft judges of claims: graph paths, link predictor, expression model, text, experiment."""

from rbio_kg.verifiers.base.verifier import Card, Verifier

__all__ = ["Card", "Verifier"]
