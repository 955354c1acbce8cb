"""Gene labels that users give, each resolved to one approved symbol or refused with a reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import polars as pl

from rbio_kg.core.errors import SelectionError
from rbio_kg.graph.schema.schema import NODES_BY_LABEL, SYMBOL_KINDS

_SHOWN = 5


class GeneLabels:
    """Approved symbols, and the other labels that mean one gene each.

    Args:
        genes: table `genes`.
        names: table `names`, without ambiguous labels.
    """

    def __init__(self, genes: pl.DataFrame, names: pl.DataFrame) -> None:
        self._genes = genes
        self._names = names

    def resolve(self, labels: Iterable[str]) -> list[str]:
        """The approved symbols of some labels, in their order, each once. An approved symbol means its own gene.

        Raises:
            SelectionError: no label, or some that mean no gene (near ones are named) or several (they are named).
        """
        wanted = [labels] if isinstance(labels, str) else list(labels)
        if not wanted:
            raise SelectionError("no gene is named", hint="leave genes out for the complete graph")
        known = dict(self._names.filter(pl.col("label").is_in(wanted)).select("label", "symbol").iter_rows())
        known |= {symbol: symbol for symbol in self._genes.filter(pl.col("symbol").is_in(wanted))["symbol"]}
        lost = list(dict.fromkeys(label for label in wanted if label not in known))
        if lost:
            more = f"; {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            raise SelectionError("; ".join(self._why(label) for label in lost[:_SHOWN]) + more)
        return list(dict.fromkeys(known[label] for label in wanted))

    def _why(self, label: str) -> str:
        having = [
            pl.col(item.name).list.contains(label) if item.kind == "list" else pl.col(item.name) == label
            for item in NODES_BY_LABEL["Gene"].properties
        ]
        owners = self._genes.filter(pl.any_horizontal(having))["symbol"].to_list()
        if len(owners) > 1:
            return f"{label!r} may mean {' or '.join(owners)}: give the one you mean"
        near = owners or self._near(label)
        return f"no gene is called {label!r}" + (f" (did you mean {', '.join(near)}?)" if near else "")

    def _near(self, label: str) -> list[str]:
        """Symbols of similar spelling, ignoring case. Only labels of similar length are compared, to save time."""
        length = pl.col("label").str.len_chars().cast(pl.Int64)
        candidates = self._names.filter(pl.col("kind").is_in(SYMBOL_KINDS), (length - len(label)).abs() <= 2)["label"]
        spelt: dict[str, str] = {}
        for known in candidates:
            spelt.setdefault(known.upper(), known)
        return [spelt[match] for match in difflib.get_close_matches(label.upper(), spelt, 3)]
