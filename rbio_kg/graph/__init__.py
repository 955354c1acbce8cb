"""The graph: its schema, store, snapshot and named queries."""
