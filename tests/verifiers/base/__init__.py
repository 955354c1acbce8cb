"""Tests of rbio_kg.verifiers.base."""
