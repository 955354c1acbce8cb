"""The HTML report: one self-contained page about a run: its settings, its training and its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbio_kg.report.report import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    if name == "write_report":
        from rbio_kg.report.report import write_report

        return write_report
    raise AttributeError(f"module 'rbio_kg.report' has no attribute {name!r}")
