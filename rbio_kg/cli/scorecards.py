"""Scorecards of all verifiers of a workspace, kept beside the models they describe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rbio_kg.cli.session import plain
from rbio_kg.cli.verifiers import card_document
from rbio_kg.errors import VerifierError
from rbio_kg.files import write_text

if TYPE_CHECKING:
    from rbio_kg.workspace import Progress, Workspace


def all_scorecards(
    workspace: Workspace, progress: Progress | None = None, *, fresh: bool = False
) -> dict[str, dict[str, Any]]:
    """One scorecard a verifier that is ready; kept in `models/scorecards.json` for the build they were made on."""
    path = workspace.paths.models / "scorecards.json"
    if not fresh and path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("build_id") == workspace.build_id:
            return dict(kept["scorecards"])
    cards: dict[str, dict[str, Any]] = {}
    for name in workspace.verifier_names():
        try:
            cards[name] = plain(card_document(workspace, name))
        except VerifierError:
            continue
        if progress is not None:
            progress(f"scorecard of {name}", None)
    write_text(path, json.dumps({"build_id": workspace.build_id, "scorecards": cards}, indent=1))
    return cards
