"""Benchmarks of building, loading and querying the graph."""
