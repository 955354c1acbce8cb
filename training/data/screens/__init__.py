"""Questions from users' own perturbation screens.

`table.py` reads a table of differential expression, `columns.py` finds its columns under the names that other programs
use, and `labels.py` makes labels, splits and negatives. `h5ad.py` opens a single-cell file in backed mode, `cells.py`
reads it in blocks, and `wilcoxon.py` and `pseudobulk.py` compare perturbed cells with control cells. Their result goes
the way of a table.
"""
