"""Inputs from a folder outside of the project, each with the output of now next to the right one.

`python -m tests.support.cases FOLDER` prints the table. Open `bench.py` first; `__main__.py` lists the cases.
"""
