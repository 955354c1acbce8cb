"""The graph path verifier: short paths, shared terms and shared pathways of two genes, calibrated per relation.

Open `verifier` first; `features` computes what the score is made of, `citations` the evidence.
"""
