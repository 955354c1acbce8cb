"""Graph databases behind one class: Neo4j, or an embedded ArcadeDB server over Bolt.

Open `store.py` first: `GraphStore` opens, queries and fills a store. `queries/` has the named Cypher queries.
"""
