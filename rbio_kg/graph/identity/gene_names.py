"""Gene names: every label that HGNC knows, which gene it means, and the labels that mean several."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from rbio_kg.graph.identity import forms
from rbio_kg.graph.schema.schema import SYMBOL_KINDS

IDENTIFIERS = ("hgnc", "ensembl", "entrez", "uniprot")
LABELS = {"label": pl.String(), "symbol": pl.String(), "kind": pl.String()}
UNRECOGNISED = ("missing", "control", "combination", "guide", "date", "mangled", "ambiguous", "identifier", "unknown")
"""Why a label names no gene: the kinds of `GeneMatch` without a symbol."""
_SHOWN = 50
_IDENTIFIER = re.compile(
    r"""(?ix)
    (?P<ensembl>ENS[GPT]\d{11})(?:\.\d+)?(?:_PAR_Y)?
    | (?:HGNC:?)+(?P<hgnc>\d+)
    | (?:(?:ncbi|entrez)[ _]?(?:gene)?(?:[ _]?id)?|gene[ _]?id)[: ](?P<prefixed>\d+)
    | (?P<entrez>\d+)
    | (?:uniprot(?:kb)?:|sp\||tr\|)?(?P<uniprot>[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2})
      (?:-\d{1,2})?(?:\|\w+)?
    """
)
"""Identifiers with what people write around them; UniProt's form is that of its help page on accession numbers."""


@dataclass(frozen=True, slots=True)
class GeneMatch:
    """What a label means.

    Args:
        label: as it was given.
        symbol: the approved symbol; None where the label names no gene, or several.
        kind: the kind of label (`approved`, `previous`, `alias`, `hgnc`, `ensembl`, `entrez`, `uniprot`, `string`), or
            one of `UNRECOGNISED`.
        candidates: approved symbols that the label may mean where `symbol` is None.
    """

    label: str
    symbol: str | None
    kind: str
    candidates: tuple[str, ...] = ()

    @property
    def suggestion(self) -> str | None:
        """The one gene that the label may mean; None where there is none or more than one."""
        return self.candidates[0] if self.symbol is None and len(self.candidates) == 1 else None


@dataclass(frozen=True)
class GeneNames:
    """Labels and the one gene each means.

    Rules, the first that applies:

    1. An approved symbol means its own gene, even if it is also another gene's alias.
    2. A previous symbol, an alias or an identifier counts only if all its owners are one gene. It is ambiguous where
       its spelling in another case is another gene's approved symbol: `Cad` is an alias of B4GALNT2, and CAD is a gene.
    3. Symbols in another case, an approved one before the others; again only where all owners are one gene.
    4. Identifiers with a prefix, a version or an isoform (`ENSG00000141510.17`, `NCBIGene:7157`, `P04637-2`).

    Whatever else a label may be is suggested, never applied: see `rbio_kg.graph.identity.forms`.

    Args:
        labels: all unambiguous labels, columns `label`, `symbol`, `kind`; a label has one row.
        ambiguous: labels that mean several genes, columns `label`, `symbols` (list), never resolved.

    Example:
        >>> rows = [("TP53", "TP53", "approved"), ("p53", "TP53", "alias"), ("ENSG00000141510", "TP53", "ensembl")]
        >>> names = GeneNames.of(pl.DataFrame(rows, schema=list(LABELS), orient="row"))
        >>> [names.match(label).symbol for label in ("tp53", "P53", "ENSG00000141510.17")]
        ['TP53', 'TP53', 'TP53']
        >>> names.match("TP53_sgRNA2")
        GeneMatch(label='TP53_sgRNA2', symbol=None, kind='guide', candidates=('TP53',))
    """

    labels: pl.DataFrame
    ambiguous: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame) -> GeneNames:
        """From all (label, symbol, kind) rows, ambiguous ones included."""
        order = {"approved": 0, **dict.fromkeys((*IDENTIFIERS, "string"), 1), "previous": 2, "alias": 2}
        preference = {kind: rank for rank, kind in enumerate((*SYMBOL_KINDS, *IDENTIFIERS, "string"))}
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

    @classmethod
    def of_tables(cls, tables: Mapping[str, pl.DataFrame]) -> GeneNames:
        """From the graph's tables `genes` and `names`: the names of all its genes."""
        labels, genes = tables["names"].select(*LABELS), tables["genes"]
        owners = pl.concat(
            genes.select(pl.col(column).alias("label"), "symbol").explode("label") for column in ("aliases", "uniprot")
        ).drop_nulls()
        ambiguous = (
            owners.join(labels, on="label", how="anti")
            .group_by("label")
            .agg(pl.col("symbol").unique().sort().alias("symbols"))
            .filter(pl.col("symbols").list.len() > 1)
            .sort("label")
        )
        return cls(labels, ambiguous)

    @classmethod
    def of_frame(cls, frame: pl.DataFrame) -> GeneNames:
        """From what `frame` gives."""
        known = frame.filter(pl.col("kind") != "ambiguous")
        several = frame.filter(pl.col("kind") == "ambiguous").select("label", "symbols")
        return cls(known.select("label", pl.col("symbols").list.first().alias("symbol"), "kind"), several)

    @property
    def frame(self) -> pl.DataFrame:
        """All labels in one table: `label`, `symbols` (list) and `kind`, which may be `ambiguous`."""
        known = self.labels.select("label", pl.concat_list("symbol").alias("symbols"), "kind")
        return pl.concat([known, self.ambiguous.with_columns(kind=pl.lit("ambiguous"))]).sort("label", "kind")

    def lookup(self, kinds: tuple[str, ...] = SYMBOL_KINDS) -> pl.DataFrame:
        """The labels of some kinds, columns `label` and `symbol`."""
        return self.labels.filter(pl.col("kind").is_in(kinds)).select("label", "symbol")

    @cached_property
    def _exact(self) -> dict[str, tuple[str, str]]:
        """Label to symbol and kind."""
        return {label: (symbol, kind) for label, symbol, kind in self.labels.select(*LABELS).iter_rows()}

    @cached_property
    def _several(self) -> dict[str, tuple[str, ...]]:
        """Ambiguous label to the symbols that it may mean."""
        return {label: tuple(symbols) for label, symbols in self.ambiguous.iter_rows()}

    @cached_property
    def _approved(self) -> dict[str, tuple[str, ...]]:
        """Approved symbol in lower case to the symbols with that spelling."""
        found: dict[str, tuple[str, ...]] = {}
        for label, (symbol, kind) in self._exact.items():
            if kind == "approved":
                found[label.lower()] = (*found.get(label.lower(), ()), symbol)
        return found

    @cached_property
    def _others(self) -> dict[str, tuple[tuple[str, ...], str]]:
        """Previous symbol or alias in lower case to the symbols that it may mean and its kind."""
        found: dict[str, tuple[tuple[str, ...], str]] = {}
        rows = [(label, (symbol,), kind) for label, (symbol, kind) in self._exact.items() if kind in SYMBOL_KINDS[1:]]
        for label, symbols, kind in [*rows, *((label, several, "alias") for label, several in self._several.items())]:
            known, first = found.get(label.lower(), ((), kind))
            found[label.lower()] = (tuple(sorted({*known, *symbols})), first)
        return found

    def match(self, label: str) -> GeneMatch:
        """What a label means, by the rules of this class."""
        text = _text(label)
        if forms.is_missing(text):
            return GeneMatch(label, None, "missing")
        return self._named(label, text) or self._suggested(label, text)

    def symbol(self, label: str) -> str | None:
        """The approved symbol of `match`, without the slow search for suggestions; None where it has none."""
        text = _text(label)
        match = None if forms.is_missing(text) else self._named(label, text)
        return None if match is None else match.symbol

    def _named(self, label: str, text: str) -> GeneMatch | None:
        """The gene that is named, or those that an ambiguous label may mean; None where no rule applies."""
        if text in self._exact:
            symbol, kind = self._exact[text]
            rivals = self._approved.get(text.lower(), (symbol,)) if kind in SYMBOL_KINDS[1:] else (symbol,)
            return _one_of(label, (symbol, *rivals), kind)
        if text in self._several:
            return GeneMatch(label, None, "ambiguous", self._several[text])
        lower = text.lower()
        if lower != "ctrl":  # What programs write for a control, and CTRL is a gene.
            if lower in self._approved:
                return _one_of(label, self._approved[lower], "approved")
            if lower in self._others:
                return _one_of(label, *self._others[lower])
        if forms.is_control(text):
            return GeneMatch(label, None, "control")
        return self._identified(label, text)

    def _identified(self, label: str, text: str) -> GeneMatch | None:
        match = _IDENTIFIER.fullmatch(text)
        if match is None:
            return None
        ((name, value),) = ((name, value) for name, value in match.groupdict().items() if value)
        found = self._exact.get(f"HGNC:{value}" if name == "hgnc" else value.upper())
        found = found or self._exact.get(f"9606.{value.upper()}")
        if found is not None:
            return GeneMatch(label, *found)
        several = self._several.get(value.upper(), ())
        return GeneMatch(label, None, "ambiguous" if several else "identifier", several)

    def _suggested(self, label: str, text: str) -> GeneMatch:
        """What a label without a gene may be, and the genes that it may mean."""
        if dates := forms.dates(text):
            meant = next(filter(None, map(self._meant, dates)), ())
            return GeneMatch(label, None, "date", meant)
        if re.fullmatch(r"\d+\.0+", text):  # A column of numbers that pandas read as floats.
            return GeneMatch(label, None, "mangled", self._meant([text.split(".", maxsplit=1)[0]]))
        for kind, spellings in (("guide", list(forms.guides(text))), ("mangled", list(forms.mangled(text)))):
            for spelling in spellings:
                if forms.is_control(spelling):
                    return GeneMatch(label, None, "control")
                if meant := self._meant([spelling]):
                    return GeneMatch(label, None, kind, meant)
        if joined := forms.parts(text) or (text.split("_") if "_" in text else []):
            genes = [part for part in joined if not forms.is_control(part)]
            if not genes:
                return GeneMatch(label, None, "control")
            meant = self._meant(genes)
            if meant and ("_" not in text or len(meant) == len(genes)):
                return GeneMatch(label, None, "combination", meant)
        return GeneMatch(label, None, "unknown")

    def _meant(self, spellings: Iterable[str]) -> tuple[str, ...]:
        """The genes that spellings mean or may mean, each once, in order."""
        found: dict[str, None] = {}
        for spelling in spellings:
            text = _text(spelling)
            match = None if forms.is_missing(text) else self._named(text, text)
            if match is not None:
                found |= dict.fromkeys([match.symbol] if match.symbol else match.candidates)
        return tuple(found)

    def matches(self, labels: Iterable[str | None]) -> dict[str | None, GeneMatch]:
        """What each of some labels means; a missing label has kind `missing`."""
        return {label: self.match(label or "") for label in dict.fromkeys(labels)}

    def symbols(self, labels: pl.Series) -> pl.Series:
        """The approved symbols of labels, in their order; null where a label names no gene or several."""
        found = {label: self.symbol(label) for label in labels.unique().drop_nulls()}
        return labels.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.String)

    def near(self, label: str, count: int = 3) -> list[str]:
        """Symbols of similar spelling, ignoring case. Only labels of similar length are compared, to save time."""
        length = pl.col("label").str.len_chars().cast(pl.Int64)
        candidates = self.labels.filter(pl.col("kind").is_in(SYMBOL_KINDS), (length - len(label)).abs() <= 2)["label"]
        spelt: dict[str, str] = {}
        for known in candidates:
            spelt.setdefault(known.upper(), known)
        return [spelt[match] for match in difflib.get_close_matches(label.upper(), spelt, count)]

    def resolve(
        self, frame: pl.DataFrame, steps: Mapping[str, tuple[str, ...]], into: str, *, any_case: bool = True
    ) -> pl.DataFrame:
        """`frame` with a column `into`: the approved symbol, null where no step knows the label.

        A label that no step knows as it is written is looked up by all rules (`match`), in the columns' order.

        Args:
            frame: any rows.
            steps: column -> kinds of label to look up there. An approved symbol in any column comes first,
                then the columns in their order.
            into: name of the new column.
            any_case: False for a table that also names genes of other species, which differ by case: `tat` is
                a gene of HIV, and TAT a human one. Identifiers are then still looked up by all rules.
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
        frame = frame.with_columns(pl.coalesce(found).alias(into)).drop(found)
        for column in steps:
            lost = frame.filter(pl.col(into).is_null())[column].unique().drop_nulls()
            named = {label: self._named(label, _text(label)) for label in lost}
            known = {
                label: match.symbol
                for label, match in named.items()
                if match is not None and match.symbol is not None and (any_case or match.kind not in SYMBOL_KINDS)
            }
            if known:
                late = pl.col(column).replace_strict(known, default=None, return_dtype=pl.String)
                frame = frame.with_columns(pl.coalesce(into, late).alias(into))
        return frame

    def ambiguity(self) -> dict[str, object]:
        """The number of labels that mean several genes, and the first fifty, as JSON values."""
        first = self.ambiguous.head(_SHOWN).to_dicts()
        return {"count": self.ambiguous.height, "first": first}


def _text(label: str) -> str:
    """A label without byte-order mark, blanks around it, and the species that STRING writes before a protein."""
    return " ".join(label.replace("\ufeff", "").split()).removeprefix("9606.")


def _one_of(label: str, symbols: tuple[str, ...], kind: str) -> GeneMatch:
    """A match where all symbols are one gene, else an ambiguous one."""
    different = tuple(dict.fromkeys(symbols))
    if len(different) == 1:
        return GeneMatch(label, different[0], kind)
    return GeneMatch(label, None, "ambiguous", different)
