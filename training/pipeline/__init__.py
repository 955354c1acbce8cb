"""A complete training: evaluate, SFT, evaluate, GRPO, evaluate. Also questions to a policy, its export, and ablations.

Start with `train` (what `rbio-kg train policy` calls), then `plan` (the data split) and `stages`.
"""
