"""Verifiers that score what a text says: `reasoning_trace` checks its statements, `ontology_text` compares its words.

To see how a sentence is read, open `example` and call `read("TP53 may activate MDM2.")`. The stages of the statement
reader, in order: `lexicon` (words and genes, with `vocabulary` and `term_names`), the package `parsing` (one sentence),
`templates` and `reader` (caches, complete texts), `statements` (checks against the graph). Patterns over words are
written in the alphabet of `tags`.
"""
