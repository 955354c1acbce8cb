"""Benchmarks of the policy: training, evaluation, rewards. Start with `policy`."""
