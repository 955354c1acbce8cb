"""Writers of the generated pages in docs/: the graph schema, the named queries, the settings of a recipe."""
