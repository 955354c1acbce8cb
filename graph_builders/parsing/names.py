"""Gene names: every label that HGNC knows, which gene it means, and the labels that mean several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rbio_kg.graph.schema.schema import SYMBOL_KINDS

IDENTIFIERS = ("hgnc", "ensembl", "entrez", "uniprot")
LABELS = {"label": pl.String(), "symbol": pl.String(), "kind": pl.String()}
_SHOWN = 50


@dataclass(frozen=True)
class GeneNames:
    """Labels and the one gene each means.

    An approved symbol means its own gene, even if it is also another gene's alias. A previous or alias symbol counts
    only if all its owners are one gene. The same holds for an identifier: a UniProt accession can belong to several.

    Args:
        labels: all unambiguous labels, columns `label`, `symbol`, `kind`; a label has one row.
        ambiguous: labels that mean several genes, columns `label`, `symbols` (list), never resolved.
    """

    labels: pl.DataFrame
    ambiguous: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame) -> GeneNames:
        """From all (label, symbol, kind) rows, ambiguous ones included."""
        order = {"approved": 0, **dict.fromkeys(IDENTIFIERS, 1), "previous": 2, "alias": 2}
        preference = {kind: rank for rank, kind in enumerate((*SYMBOL_KINDS, *IDENTIFIERS))}
        rows = (
            rows.unique()
            .with_columns(
                pl.col("kind").replace_strict(order, return_dtype=pl.Int64).alias("tier"),
                pl.col("kind").replace_strict(preference, return_dtype=pl.Int64).alias("preference"),
            )
            .filter(pl.col("tier") == pl.col("tier").min().over("label"))
            .with_columns(pl.col("symbol").n_unique().over("label").alias("genes"))
        )
        labels = rows.filter(pl.col("genes") == 1).sort("label", "preference").unique("label", keep="first")
        ambiguous = (
            rows.filter(pl.col("genes") > 1)
            .group_by("label")
            .agg(pl.col("symbol").unique().sort().alias("symbols"))
            .sort("label")
        )
        return cls(labels.select(*LABELS).sort("label"), ambiguous)

    def lookup(self, kinds: tuple[str, ...] = SYMBOL_KINDS) -> pl.DataFrame:
        """The labels of some kinds, columns `label` and `symbol`."""
        return self.labels.filter(pl.col("kind").is_in(kinds)).select("label", "symbol")

    def resolve(self, frame: pl.DataFrame, steps: Mapping[str, tuple[str, ...]], into: str) -> pl.DataFrame:
        """`frame` with a column `into`: the approved symbol, null where no step knows the label.

        Args:
            frame: any rows.
            steps: column -> kinds of label to look up there. An approved symbol in any column comes first,
                then the columns in their order.
            into: name of the new column.
        """
        order: list[tuple[str, tuple[str, ...]]] = []
        for column, kinds in steps.items():
            if "approved" in kinds:
                order.insert(0, (column, ("approved",)))
        for column, kinds in steps.items():
            rest = tuple(kind for kind in kinds if kind != "approved")
            if rest:
                order.append((column, rest))
        found: list[str] = []
        for number, (column, kinds) in enumerate(order):
            name = f"_found_{number}"
            lookup = self.lookup(kinds).rename({"label": column, "symbol": name})
            frame = frame.join(lookup, on=column, how="left", maintain_order="left")
            found.append(name)
        return frame.with_columns(pl.coalesce(found).alias(into)).drop(found)

    def ambiguity(self) -> dict[str, object]:
        """The number of labels that mean several genes, and the first fifty, as JSON values."""
        first = self.ambiguous.head(_SHOWN).to_dicts()
        return {"count": self.ambiguous.height, "first": first}


@dataclass
class Unmapped:
    """Labels of a source that name no gene, or several, with the rows lost to them."""

    rows: int = 0
    _labels: dict[str, int] = field(default_factory=dict)

    def drop(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
        """The rows whose symbols are all known; the others are counted here.

        Args:
            frame: rows with labels and resolved symbols.
            columns: column of the resolved symbol -> column of the label as given.
        """
        lost = frame.filter(pl.any_horizontal(pl.col(list(columns)).is_null()))
        if not lost.is_empty():
            self.rows += lost.height
            for symbol, label in columns.items():
                counts = lost.filter(pl.col(symbol).is_null())[label].value_counts()
                for name, count in counts.iter_rows():
                    self._labels[name] = self._labels.get(name, 0) + count
        return frame.drop_nulls(list(columns))

    def note(self, labels: pl.Series) -> None:
        """Count labels that are not known, without losing their rows."""
        for name, count in labels.value_counts().iter_rows():
            self._labels[name] = self._labels.get(name, 0) + count

    def kept(self) -> dict[str, Any]:
        """What `again` takes: `rows` and every label with its rows."""
        return {"rows": self.rows, "labels": self._labels}

    @classmethod
    def again(cls, content: Mapping[str, Any]) -> Unmapped:
        """What `kept` gave."""
        return cls(content["rows"], dict(content["labels"]))

    def table(self, names: GeneNames) -> pl.DataFrame:
        """Every label, the most frequent first: `label`, `rows`, `genes` (list: what an ambiguous one may mean)."""
        ranked = pl.DataFrame(
            sorted(self._labels.items(), key=lambda item: (-item[1], item[0])),
            schema={"label": pl.String, "rows": pl.Int64},
            orient="row",
        )
        meant = names.ambiguous.rename({"symbols": "genes"})
        return ranked.join(meant, on="label", how="left", maintain_order="left")

    def to_json(self, names: GeneNames) -> dict[str, object]:
        """`rows` lost, `labels` that name no gene, how many of them are `ambiguous`, and the `first` fifty."""
        several = set(names.ambiguous["label"])
        ranked = sorted(self._labels.items(), key=lambda item: (-item[1], item[0]))
        return {
            "rows": self.rows,
            "labels": len(ranked),
            "ambiguous": sum(label in several for label, _ in ranked),
            "first": [{"label": label, "rows": rows} for label, rows in ranked[:_SHOWN]],
        }
