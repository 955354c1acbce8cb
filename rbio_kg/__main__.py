"""`python -m rbio_kg`: the same as `rbio-kg`, for launchers that want a module."""

from __future__ import annotations

from rbio_kg.cli.app import main

main()
