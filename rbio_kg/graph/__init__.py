"""The knowledge graph: its schema, its snapshot for rewards, its database stores, and views for other tools.

Open `schema/schema.py` first: tables, stores, query checks and docs/reference/graph-schema.md are derived from it.
`store` is for people and Cypher; `snapshot` is what verifiers compute from.
"""
