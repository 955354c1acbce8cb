"""The scorecards of a workspace's verifiers, and the section of docs/reference/verifiers.md that holds them.

    python -m benchmarks.verifiers.scorecards --workspace WORKSPACE  # prints the section
    python -m benchmarks.verifiers.scorecards --workspace WORKSPACE --write docs/reference/verifiers.md
        # puts it between the markers

Each finished card is kept in WORKSPACE/models/scorecards/; a run that was cut off goes on where it stopped, and --fresh
begins again. A verifier that is not fitted is said to be.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rbio_kg.cli.session import Session
from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import RbioKGError
from rbio_kg.registry import BUILT_IN
from rbio_kg.report.card_text import card_text, figure, markdown_table, ranged
from rbio_kg.services.scorecards import full_card
from rbio_kg.workspace import Workspace

BEGIN, END = (
    "<!-- scorecards: written by `python -m benchmarks.verifiers.scorecards`; do not edit -->",
    "<!-- /scorecards -->",
)


def cards(workspace: Workspace, split: str, fresh: bool, session: Session) -> dict[str, dict[str, Any]]:
    """The full card of each built-in verifier; {"reason"} for one that is not ready."""
    found: dict[str, dict[str, Any]] = {}
    for name in BUILT_IN:
        path = workspace.paths.models / "scorecards" / f"{name}-{split}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not fresh else {}
        if kept.get("build_id") == workspace.build_id:
            found[name] = kept["card"]
            continue
        try:
            found[name] = full_card(workspace, name, split, session.progress).to_json()
        except RbioKGError as error:
            found[name] = {"name": name, "reason": str(error)}
            continue
        write_text(path, json.dumps({"build_id": workspace.build_id, "card": found[name]}, indent=1))
    return found


def section(found: Mapping[str, Mapping[str, Any]], heading: str) -> str:
    """The overview and every card, as Markdown."""
    ready = {name: card for name, card in found.items() if "kind" in card}
    rows = []
    for name, card in ready.items():
        if card["kind"] != "claim":
            continue
        for place, one in card["questions"].items():
            pooled = one["pooled"] or {}
            cells = [figure(one["coverage"], 2), ranged(one), figure(pooled.get("auroc")), figure(one["ece"])]
            rows.append([place, name, *cells])
    order = {place: number for number, place in enumerate(sorted({row[0] for row in rows}))}
    rows.sort(key=lambda row: (row[0].endswith("dir"), order[row[0]]))
    columns = ["questions", "verifier", "coverage", "per-gene AUROC", "pooled AUROC", "ECE"]
    parts = [heading, markdown_table(columns, rows), *(card_text(card, level=3).rstrip() for card in ready.values())]
    parts += [f"### {name}\n\nNot carded: {card['reason']}." for name, card in found.items() if name not in ready]
    return "\n\n".join(parts)


def written(text: str, document: str) -> str:
    """The document with the section between its markers.

    Raises:
        ValueError: it has no markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the section, or put it into a document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--fresh", action="store_true", help="make kept cards again")
    parser.add_argument("--write", type=Path, help="a document with the markers")
    parser.add_argument("--note", default="", help="what the section begins with: date and machine")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    session = Session(options.workspace, options.json, verbose=False)
    with Workspace(options.workspace) as workspace:
        found = cards(workspace, options.split, options.fresh, session)
        heading = f"`python -m benchmarks.verifiers.scorecards --split {options.split}`, seed {workspace.settings.seed}"
        heading += f", build {workspace.build_id}." + (f" {options.note}" if options.note else "")
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    text = section(found, heading)
    if options.write is None:
        sys.stdout.write(text + "\n")
    else:
        write_text(options.write, written(text, options.write.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
