"""Assembles parsed sources into one graph and puts it in place: tables, snapshot and manifest.

Open `build.py` first: `build_graph` is what `rbio-kg build` calls.
"""
