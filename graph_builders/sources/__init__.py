"""One module per provider, and the register that lists them.

Open `register.py` first. docs/reference/sources.md shows how to add a source.
"""
