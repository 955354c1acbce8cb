"""Which gene, GO term, pathway or cell line a name means; every way in uses these rules.

Open `identity` first: the class `Identity` answers for one graph. `gene_names` holds the rules for genes, `forms` the
spellings that are suggested but never applied, and `unrecognised` counts what was not recognised in a table.
"""
