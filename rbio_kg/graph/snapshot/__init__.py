"""The graph as memory-mapped arrays with compiled kernels: what verifiers compute from, without a database.

Open `snapshot.py` first. `compile.py` makes the arrays from a build's tables; `kernels.py` works on them.
"""
