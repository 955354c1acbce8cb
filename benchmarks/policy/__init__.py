"""Benchmarks of the policy: training, evaluation, rewards."""
