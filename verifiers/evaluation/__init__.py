"""How good a verifier is: scorecards on training and test rows, subgroups of rows, and trivial baselines.

Open `scorecard` first.
"""
