"""The manifest of a run: what the run is made of, and how far it got."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

RunStatus = Literal["running", "interrupted", "stopped", "failed", "finished"]
_TEXT, _OBJECT = (str, "text"), (dict, "an object")
_KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("name", "kind", "started", "build_id", "version", "status", "stage"), _TEXT),
    **dict.fromkeys(("seeds", "config", "result", "origin"), _OBJECT),
    "simulated": (bool, "true or false"),
}
"""The types that a manifest's fields must have, and what messages call them."""


@dataclass(frozen=True)
class RunManifest:
    """What a run is.

    Args:
        name: the folder's name.
        kind: training or evaluation.
        started: ISO 8601, UTC.
        build_id: the graph it used.
        version: of rbio-kg.
        seeds: by what they seed.
        config: the complete recipe.
        simulated: whether labels come from a model instead of a laboratory.
        status: running, interrupted, stopped (by an alarm), failed or finished.
        stage: the last stage that was finished.
        result: what the run reported at its end.
        alarms: what was raised while it trained (see `rbio_kg.training.grpo.alarms`).
        origin: what it rests on: `build` with options and digests of the sources, `verifiers` and `files` with their
            digests, and `stale`: what of it was made on another build. Empty in runs of older versions.
    """

    name: str
    kind: str
    started: str
    build_id: str
    version: str
    seeds: Mapping[str, int]
    config: Mapping[str, Any]
    simulated: bool
    status: RunStatus = "running"
    stage: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    alarms: Sequence[Mapping[str, Any]] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def new(
        cls,
        name: str,
        kind: str,
        *,
        build_id: str,
        version: str,
        seeds: Mapping[str, int],
        config: Mapping[str, Any],
        simulated: bool,
        origin: Mapping[str, Any] | None = None,
    ) -> RunManifest:
        """The manifest of a run that starts now."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return cls(
            name, kind, now, build_id, version, dict(seeds), _plain(config), simulated, origin=_plain(origin or {})
        )

    def changed_inputs(self, now: RunManifest) -> list[str]:
        """What the run rests on and has changed since: verifiers and files by name, sorted."""
        if not self.origin or not now.origin:
            return []
        found = []
        for part in ("verifiers", "files"):
            before, after = self.origin.get(part, {}), now.origin.get(part, {})
            found += [name for name in before.keys() | after.keys() if _digests(before, name) != _digests(after, name)]
        return sorted(found)

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunManifest:
        """The manifest that `to_json` wrote.

        Raises:
            ValueError: a field is missing, unknown or of the wrong type.
        """
        try:
            manifest = cls(**values)
        except TypeError as error:
            raise ValueError(str(error).removeprefix("RunManifest.__init__() ")) from error
        for name, (kind, called) in _KINDS.items():
            if not isinstance(getattr(manifest, name), kind):
                raise ValueError(f"{name} is not {called}")
        return manifest


@dataclass(frozen=True)
class BrokenRun:
    """A run folder whose manifest cannot be read.

    Args:
        name: the folder's name.
        error: what is wrong with the manifest, in one line.
    """

    name: str
    error: str

    def to_json(self) -> dict[str, Any]:
        """The folder's name, the status `broken` and the error, as plain JSON values."""
        return {"name": self.name, "status": "broken", "error": self.error}


def _digests(origins: Mapping[str, Any], name: str) -> Any:
    """The digests in the origin of a verifier, or that of a file; None where it is not there."""
    found = origins.get(name)
    return (found.get("sha256"), found.get("files")) if isinstance(found, Mapping) else found


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(config)))
