"""The rows of each source with a name that is no gene: counted, reported, and refused above a share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from rbio_kg.core.errors import SourceError
from rbio_kg.graph.identity.gene_names import UNRECOGNISED, GeneNames
from rbio_kg.graph.identity.rules import WARN
from rbio_kg.graph_builders.parsing.parsed import ParsedSource

_KEPT = 50
_SHOWN = 5


@dataclass(frozen=True)
class LostName:
    """A name that is no gene, or several.

    Args:
        label: as it stands in the source.
        rows: number of rows with it.
        kind: one of `gene_names.UNRECOGNISED`.
        candidates: symbols that it may mean.
        place: file and line of the first row, where the source keeps them.
    """

    label: str
    rows: int
    kind: str
    candidates: tuple[str, ...]
    place: str | None = None

    def __str__(self) -> str:
        means = f"; {' or '.join(self.candidates)}?" if self.candidates else ""
        place = f"; {self.place}" if self.place else ""
        return f"{self.label!r} ({self.rows:,} {'row' if self.rows == 1 else 'rows'}{means}{place})"


@dataclass(frozen=True)
class Losses:
    """The rows of one source with a name that is no gene.

    Args:
        total: rows that name genes.
        rows: rows that are lost because of it (`unmapped` in the accounting of rows).
        kept: rows that stay under the name as it is: questions.
        set_aside: rows about controls and missing values, which are left out.
        applied: rows in which a suggested gene was taken.
        labels: number of different names.
        ambiguous: number of those that mean several genes.
        kinds: kind -> rows with such a name.
        first: the most frequent names.
    """

    total: int
    rows: int
    kept: int
    set_aside: int
    applied: int
    labels: int
    ambiguous: int
    kinds: Mapping[str, int]
    first: tuple[LostName, ...]

    @classmethod
    def of(cls, parsed: ParsedSource, names: GeneNames) -> Losses:
        """Those of a parsed source."""
        found = lost_names(parsed, names)
        kinds: dict[str, int] = {}
        counted = [item for report in parsed.unrecognised for item in report.by_kind.items()]
        for kind, rows in counted or [(name.kind, name.rows) for name in found]:
            kinds[kind] = kinds.get(kind, 0) + rows
        set_aside = sum(parsed.left_out.values()) if parsed.unrecognised else 0
        return cls(
            total=sum(report.total for report in parsed.unrecognised) or parsed.rows + parsed.unmapped.rows,
            rows=parsed.unmapped.rows,
            kept=sum(report.rows for report in parsed.unrecognised) - set_aside,
            set_aside=set_aside,
            applied=sum(report.applied for report in parsed.unrecognised),
            labels=len(found),
            ambiguous=sum(name.kind == "ambiguous" for name in found),
            kinds={kind: kinds[kind] for kind in UNRECOGNISED if kind in kinds},
            first=tuple(found[:_KEPT]),
        )

    @property
    def share(self) -> float:
        """Share of the rows with a name that is no gene, 0 to 1."""
        return (self.rows + self.kept + self.set_aside) / self.total if self.total else 0.0

    def line(self, source: str, warn: float = WARN) -> str:
        """A line for people."""
        counts = ((self.rows, "lost"), (self.kept, "kept under the name as it is"), (self.set_aside, "left out"))
        ways = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        first = ", ".join(map(str, self.first[:_SHOWN]))
        more = f" and {self.labels - _SHOWN:,} more names" if self.labels > _SHOWN else ""
        return (
            f"{'warning: ' if self.share > warn else ''}{source}: {self.rows + self.kept + self.set_aside:,} of "
            f"{self.total:,} rows ({self.share:.1%}) name no gene ({ways}): {first}{more}"
        )

    def to_json(self) -> dict[str, Any]:
        """Every field and `share`."""
        first = [{**asdict(name), "candidates": list(name.candidates)} for name in self.first]
        return {**asdict(self), "first": first, "share": round(self.share, 6)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        values = {name: value for name, value in document.items() if name != "share"}
        first = (LostName(**{**item, "candidates": tuple(item["candidates"])}) for item in values["first"])
        return cls(**{**values, "kinds": dict(values["kinds"]), "first": tuple(first)})


def check_losses(losses: Mapping[str, Losses], most: float) -> None:
    """Refuse a graph for which a source lost too much.

    Raises:
        SourceError: more than the share `most` of a source's rows name no gene; the most frequent names are shown.
    """
    for source, found in losses.items():
        if found.share > most:
            suggested = found.kept and any(len(name.candidates) == 1 for name in found.first)
            accept = ", accept the suggestions (--accept-suggestions)" if suggested else ""
            raise SourceError(
                f"{found.line(source, warn=1.0)}; more than {most:.0%} is too much",
                hint=f"correct the names{accept} or allow more (--max-unrecognised)",
            )


def lost_names(parsed: ParsedSource, names: GeneNames) -> list[LostName]:
    """Every name of a parsed source that is no gene, the most frequent first."""
    if not parsed.unrecognised:
        return [_lost_name(label, rows, names) for label, rows in parsed.unmapped.ranked()]
    found: dict[str, LostName] = {}
    for report in parsed.unrecognised:
        for name in report.names:
            known = found.get(name.label)
            found[name.label] = LostName(
                name.label,
                name.rows + (known.rows if known else 0),
                name.kind,
                name.candidates,
                known.place if known else f"{report.where}, line {name.line}",
            )
    return sorted(found.values(), key=lambda name: (-name.rows, name.label))


def _lost_name(label: str, rows: int, names: GeneNames) -> LostName:
    match = names.match(label)
    if match.symbol is None:
        return LostName(label, rows, match.kind, match.candidates)
    # A gene in another case, in a source that separates species by case.
    return LostName(label, rows, "unknown", (match.symbol,))


def remarks(losses: Mapping[str, Losses], warn: float = WARN) -> Iterator[str]:
    """Lines for people about every source with names that are no gene."""
    for source, found in losses.items():
        if found.labels:
            yield found.line(source, warn)
        if found.applied:
            yield f"{source}: suggested genes were taken in {found.applied:,} rows"
