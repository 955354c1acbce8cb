"""Benchmarks: every figure that the documentation states is a command here."""
