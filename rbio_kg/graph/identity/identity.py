"""The names of one graph's genes, GO terms, pathways and cell lines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

import polars as pl

from rbio_kg.core.cell_lines import canonical_line, known_lines_hint
from rbio_kg.core.errors import SelectionError
from rbio_kg.graph.identity import forms
from rbio_kg.graph.identity.gene_names import GeneMatch, GeneNames

_SHOWN = 5
_TERM = re.compile(r"(?i)(?:go)?[:_ ]?(\d{7})")
_PATHWAY = re.compile(r"(?i)(?:react(?:ome)?:)?(R-[A-Z]{3}-\d+|WP\d+)(?:\.\d+|_r\d+)?")


_WHAT = {
    "missing": "a missing value",
    "control": "a control",
    "combination": "a combined perturbation",
    "guide": "a guide or treatment",
    "date": "a date made by a spreadsheet",
    "mangled": "a name changed by a program",
    "identifier": "an identifier",
}


class NameTable:
    """Ids, names and synonyms of terms or pathways, looked up by letters and digits in any case.

    A synonym counts only where no term has it as its name. The table is made at the first look-up: most commands name
    genes only.

    Args:
        rows: id, name and synonyms.
    """

    def __init__(self, rows: Iterable[tuple[str, str | None, Iterable[str] | None]] = ()) -> None:
        self._rows = rows

    @cached_property
    def _ids(self) -> dict[str, tuple[str, ...]]:
        """Each name in the form of `_plain`, with the ids that it means."""
        ids: dict[str, tuple[str, ...]] = {}
        tiers: list[list[tuple[str, str]]] = [[], [], []]
        for key, name, synonyms in self._rows:
            tiers[0].append((key, key))
            tiers[1].append((name or "", key))
            tiers[2] += [(synonym, key) for synonym in synonyms or ()]
        for tier in tiers:
            found: dict[str, set[str]] = {}
            for name, key in tier:
                found.setdefault(_plain(name), set()).add(key)
            ids |= {name: tuple(sorted(keys)) for name, keys in found.items() if name and name not in ids}
        return ids

    def only(self, name: str) -> str | None:
        """The id that a name means; None where it means none or several."""
        found = self._ids.get(_plain(name), ())
        return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", name.lower()))


class Identity:
    """What a name means in one graph.

    Args:
        genes: names of the genes.
        terms, pathways: their ids and names.
        cell_lines: canonical names of the lines that the graph knows.

    Example:
        >>> from rbio_kg.graph.identity.gene_names import LABELS
        >>> rows = [("TP53", "TP53", "approved"), ("p53", "TP53", "alias")]
        >>> names = GeneNames.of(pl.DataFrame(rows, schema=list(LABELS), orient="row"))
        >>> identity = Identity(names, NameTable([("GO:0006915", "apoptotic process", ())]), NameTable(), ("k562",))
        >>> identity.gene("P53").symbol, identity.object("Apoptotic process"), identity.known_line("K-562")
        ('TP53', 'GO:0006915', 'k562')
    """

    def __init__(
        self,
        genes: GeneNames,
        terms: NameTable,
        pathways: NameTable,
        cell_lines: Collection[str] = (),
    ) -> None:
        self.genes = genes
        self.cell_lines = tuple(sorted(cell_lines))
        self._terms = terms
        self._pathways = pathways

    @classmethod
    def of_tables(cls, tables: Mapping[str, pl.DataFrame]) -> Identity:
        """From the graph's tables."""
        terms = tables["terms"].select("id", "name", "synonyms")
        pathways = tables["pathways"].select("id", "name")
        return cls(
            GeneNames.of_tables(tables),
            NameTable(terms.iter_rows()),
            NameTable((key, name, None) for key, name in pathways.iter_rows()),
            tables["cell_lines"]["name"].to_list(),
        )

    def gene(self, label: str) -> GeneMatch:
        """What a label means among the genes."""
        return self.genes.match(label)

    def symbol(self, label: str) -> str:
        """The approved symbol of one gene.

        Raises:
            SelectionError: the label means no gene (with the likely or near ones) or several (they are named).
        """
        match = self.gene(label)
        if match.symbol is None:
            raise SelectionError(self.why(match))
        return match.symbol

    def symbols(self, labels: Iterable[str]) -> list[str]:
        """The approved symbols of some labels, in their order, each once. A string is one label.

        Raises:
            SelectionError: no label, or some that mean no gene or several.
        """
        wanted = [labels] if isinstance(labels, str) else list(labels)
        if not wanted:
            raise SelectionError("no gene is named", hint="leave genes out for the complete graph")
        found = list(self.genes.matches(wanted).values())
        lost = [match for match in found if match.symbol is None]
        if lost:
            more = f"; {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            raise SelectionError("; ".join(self.why(match) for match in lost[:_SHOWN]) + more)
        return list(dict.fromkeys(match.symbol for match in found if match.symbol is not None))

    def why(self, match: GeneMatch) -> str:
        """Why a label names no gene, in one line, with the genes that it may mean."""
        label, kind = match.label, match.kind
        if kind == "ambiguous":
            return f"{label!r} may mean {' or '.join(match.candidates)}: give the one you mean"
        what = _WHAT.get(kind, "")
        if kind == "date" and not match.candidates and (lost := forms.dated_genes(label.strip())):
            return (
                f"no gene is called {label!r}, which looks like a date made of {' or '.join(lost)}: not in this graph"
            )
        near = list(match.candidates) or (self.genes.near(label) if kind == "unknown" else [])
        means = f" (did you mean {' or '.join(near) if kind == 'date' else ', '.join(near)}?)" if near else ""
        return f"no gene is called {label!r}{f', which looks like {what}' if what else ''}{means}"

    def known_line(self, name: str) -> str:
        """The canonical name of a cell line that the graph knows.

        Raises:
            SelectionError: the graph does not know it; the lines that it knows are named.
        """
        line = canonical_line(name)
        if line not in self.cell_lines:
            hint = known_lines_hint(line, self.cell_lines)
            raise SelectionError(f"the graph knows no cell line {name!r}", hint=hint)
        return line

    def term(self, name: str) -> str | None:
        """The id of a GO term by its id in any spelling, its name or a synonym of its own; None without one."""
        match = _TERM.fullmatch(name.strip())
        return self._terms.only(f"GO:{match[1]}" if match else name)

    def pathway(self, name: str) -> str | None:
        """The id of a pathway by its id (a version is cut) or a name of its own; None without one."""
        match = _PATHWAY.fullmatch(name.strip())
        return self._pathways.only(match[1] if match else name)

    def object(self, name: str) -> str | None:
        """The id of the term or pathway that a name means; None where it means none or several."""
        found = {key for key in (self.term(name), self.pathway(name)) if key is not None}
        return found.pop() if len(found) == 1 else None
