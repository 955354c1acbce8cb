"""The small sample that ships with the package, and the model that draws its knockdown labels.

Open `sample.py` first. `data/SOURCES.md` lists origin and licence of every file.
"""
