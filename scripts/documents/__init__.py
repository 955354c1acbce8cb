"""Writers of what is generated in docs/: pages of the schema, the queries, a recipe and the commands, and pictures."""
