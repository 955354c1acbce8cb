"""Benchmarks of the verifiers: quality on held-out data, and speed."""
