"""Parts of the graph for other tools: polars, networkx, torch-geometric and GraphML.

Open `view.py` first: `GraphView.subgraph` selects a part, and `Subgraph` converts it.
"""
