"""A verifier's card as Markdown that also reads well in a terminal: tables, and reliability as bars of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BAR = 20
"""Characters of a rate of 1."""
WORST = 3
"""Parts of the questions shown by ranking, and as many by calibration."""
_BASELINES = ("gene_prior", "pair_copy", "perturbation_strength")


def card_text(card: Mapping[str, Any], *, level: int = 2) -> str:
    """The whole card, headed at `level`; what was not measured is left out."""
    parts = [f"{'#' * level} {card['name']}", _about(card)]
    parts += [f"**Stale: {reason}.**" for reason in (card.get("stale") or {}).values()]
    if card.get("remark"):
        parts.append(f"**{card['remark']}**" if card.get("beats_gene_prior") is False else card["remark"])
    if card.get("reason"):
        parts.append(f"{card['reason'][0].upper()}{card['reason'][1:]}.")
    if card.get("questions"):
        parts.append(_questions(card["questions"]))
    links = {name: one["sisters"] for name, one in _metrics(card).items() if "sisters" in one}
    if links:
        parts.append(_sisters(links, _metrics(card)))
    if card.get("reliability"):
        parts.append(f"Reliability, {_place(card)}:\n\n{reliability_bars(card['reliability'])}")
    if card.get("worst"):
        parts.append(_worst(card["worst"]))
    if card.get("texts"):
        parts.append(_texts(card["texts"]))
    if card.get("agreement"):
        parts.append(_agreement(card["agreement"]))
    if card.get("claims_per_second"):
        parts.append(f"Speed: {card['claims_per_second']:,.0f} {card['kind']}s a second of one processor.")
    return "\n\n".join(parts) + "\n"


def reliability_bars(bins: Sequence[Mapping[str, Any]]) -> str:
    """One line a bin: what was stated, what happened, and a bar of it with `|` where the stated probability lies."""
    lines = ["```", "stated     mean   happened                       rows"]
    for one in bins:
        if not one["n"]:
            continue
        bar = list("#" * round(BAR * one["rate"]) + "." * (BAR - round(BAR * one["rate"])))
        bar[min(BAR - 1, int(BAR * one["mean_probability"]))] = "|"
        place = f"{one['low']:.1f}-{one['high']:.1f}"
        lines.append(f"{place:9}  {one['mean_probability']:.3f}  {one['rate']:.3f} {''.join(bar)} {one['n']:>9,}")
    return "\n".join([*lines, "```"])


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def figure(value: Any, digits: int = 3) -> str:
    """A number as this project prints shares: a dash where it is absent."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}"


def ranged(values: Mapping[str, Any] | None) -> str:
    """A per-gene AUROC with its interval."""
    if not values or values.get("per_gene_auroc") is None:
        return "-"
    low, high = values["interval"]
    return f"{figure(values['per_gene_auroc'])} [{figure(low)}, {figure(high)}]"


def _about(card: Mapping[str, Any]) -> str:
    words = {"knows": "Knows", "abstains": "Abstains", "limits": "Limits", "licence": "Licence of what it knows"}
    lines = [f"- {title}: {card[key]}" for key, title in words.items() if card.get(key)]
    lines.append(f"- Sources: {', '.join(card['sources'])}" + ("; **simulated**" if card.get("simulated") else ""))
    return "\n".join(lines)


def _questions(questions: Mapping[str, Mapping[str, Any]]) -> str:
    columns = ["questions", "rows", "coverage", "per-gene AUROC", "pooled AUROC", "ECE", "gene prior", "pair copy"]
    rows = []
    for place, one in questions.items():
        pooled, baselines = one["pooled"] or {}, one["baselines"] or {}
        known = [figure((baselines.get(name) or {}).get("per_gene_auroc")) for name in _BASELINES]
        rows.append(
            [
                place,
                f"{one['rows']:,}",
                figure(one["coverage"], 2),
                ranged(one),
                figure(pooled.get("auroc")),
                figure(one["ece"]),
                *known,
            ]
        )
    table = markdown_table([*columns, "perturbation strength"], rows)
    beaten = [place for place, one in questions.items() if one.get("beats_gene_prior") is False]
    return table + (f"\n\n**It does NOT beat the gene prior on {', '.join(beaten)}.**" if beaten else "")


def _metrics(card: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What the fit measured, by relation."""
    found = (card.get("settings") or {}).get("metrics") or {}
    return {name: one for name, one in found.items() if isinstance(one, Mapping)}


def _sisters(links: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """How many held-out links another relation gives away, and the ranking without them."""
    kinds = {
        "other_relation": "another relation",
        "other_direction": "other direction",
        "two_gene_sets": "two-gene set",
    }
    rows = []
    for name, one in links.items():
        rest = one["without"]
        shares = [figure(one[kind]) if kind in one else "-" for kind in (*kinds, "any")]
        aurocs = [figure(metrics[name].get("auroc")), figure(rest["auroc"])]
        rows.append([name, f"{metrics[name]['positives']:,}", *shares, *aurocs, f"{rest['positives']:,}"])
    columns = ["held-out links", "links", *kinds.values(), "any", "AUROC", "AUROC without these", "links without"]
    head = "Share of held-out links whose two genes are also joined directly by another relation of the graph, by the "
    head += "same relation in the other direction, or by a pathway or GO term of exactly these two genes:"
    return f"{head}\n\n" + markdown_table(columns, rows)


def _worst(parts: Sequence[Mapping[str, Any]]) -> str:
    gaps = sorted(parts, key=lambda part: -abs(part["gap"]))[:WORST]
    chosen = [*parts[:WORST], *(part for part in gaps if part not in parts[:WORST])]
    rows = [[part["subgroup"], f"{part['rows']:,}", ranged(part), f"{part['gap']:+.3f}"] for part in chosen]
    return markdown_table(["where it is wrong most", "rows", "per-gene AUROC", "mean probability minus rate"], rows)


def _texts(texts: Mapping[str, Any]) -> str:
    rows = [
        [kind, figure(one["coverage"], 2), figure(one["mean"]), figure(one["auroc"])]
        for kind, one in texts.items()
        if kind != "claims"
    ]
    head = f"On rationales written from evidence for {texts['claims']:,} train questions, and wrong copies of them:"
    return f"{head}\n\n" + markdown_table(["texts", "coverage", "mean score", "AUROC, true against these"], rows)


def _agreement(agreement: Mapping[str, Mapping[str, Any]]) -> str:
    named = [
        f"{name} {figure(one['spearman'], 2)} ({one['rows']:,} rows)"
        for name, one in agreement.items()
        if one["spearman"] is not None
    ]
    return "Rank correlation where both score: " + (", ".join(named) if named else "with none") + "."


def _place(card: Mapping[str, Any]) -> str:
    return f"{card['split']} change questions of the first cell line"
