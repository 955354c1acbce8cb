"""Language models: loading, checks, LoRA adapters, forward passes, likelihoods and samples.

Start with `loading` (load a model), then `decoding` (its answers) and `adapters` (a trained policy on disk).
"""
