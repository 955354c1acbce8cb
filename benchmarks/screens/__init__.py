"""Single-cell screens drawn from a known model, and what `questions from-h5ad` makes of them."""
