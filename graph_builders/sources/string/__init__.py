"""STRING: reading its files, joining its scores, and merging protein pairs into gene pairs.

Open `links.py` first.
"""
