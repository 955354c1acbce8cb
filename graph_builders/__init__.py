"""Provider files become typed tables, and the tables one graph."""
