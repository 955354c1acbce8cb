"""Types and helpers that every other package uses: claims, errors, settings, paths, locks and atomic file writing.

Open `claims` first: it defines what a verifier scores and what it answers. Nothing here imports another package of
rbio-kg.
"""
