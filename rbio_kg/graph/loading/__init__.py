"""Filling a store: complete loads, updates by difference, offline import files, and the evidence of runs.

Open `loader.py` first: `load_store` chooses the way to load.
"""
