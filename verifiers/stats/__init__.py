"""Statistics that verifiers and evaluations share: metrics, logistic calibration, log odds, rates, negative samples.

Open `metrics` first.
"""
