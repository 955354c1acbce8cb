"""The expression verifier (votes of similar training knockdowns, calibrated out of fold) and the measured labels.

Open `verifier` first. `fit` writes the model that `model` predicts with; `labels` says which labels may be used for
which question; `neighbour_votes` and `pair_kernel` hold the mathematics.
"""
