"""SFT with soft targets: the first training stage, on the answer format and the probability of yes.

Start with `trainer`. `targets` makes the examples of questions, `examples` turns them into tokens.
"""
