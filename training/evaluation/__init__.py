"""Leak-free evaluation: of a policy, of the expression model, of any model's predictions.

Open `policy` first; `expression` and `predictions` measure scores without a language model. `leakage` is the audit that
runs before each of them, `comparison` measures next to the baselines, `results` are the records that they return.
"""
