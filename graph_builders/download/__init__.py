"""Downloads the providers' files, with resume, retries and checksums.

Open `fetch.py` first: `fetch` is what `rbio-kg fetch` calls.
"""
