"""Builds the graph: downloads the providers' files, parses them into typed tables, and assembles one graph.

Open `build/build.py` first (`build_graph`). `sources/` has one module per provider and the register; `parsing/` has the
readers that they share; `download/` fetches files; `sample/` is the small graph that ships with the package.
"""
