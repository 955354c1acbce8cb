"""Node labels, relationship types and their properties, and the tables that hold a build.

Open `schema.py` first; it is the only place where labels, types and properties are defined.
"""
