"""The link predictor: a graph network trained on the graph's own edges, with structural features of pairs.

Open `verifier` first. `fit` needs torch and torch-geometric (`encoder`, `decoder`); scoring needs numpy only (`model`).
"""
