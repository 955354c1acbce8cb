"""Readers of the providers' file formats, gene names, and the counts of rows that cannot be used.

Open `parsed.py` first: it defines what a reader gets (`BuildContext`) and what it returns (`ParsedSource`).
"""
