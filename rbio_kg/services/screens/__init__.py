"""Questions from a user's own screen: a table of differential expression, or single cells.

`result.py` writes questions with their manifest, whatever they come from. `from_table.py` and `from_h5ad.py` read.
"""
