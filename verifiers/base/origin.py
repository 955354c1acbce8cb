"""What a fitted verifier rests on: the build of the graph, the options of the fit, and the digests of its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from rbio_kg.core.atomic_io import write_text
from rbio_kg.core.errors import ModelError

FILE = "origin.json"
"""The file of a fitted verifier's folder that names its origin."""
FORMER = "fitted.json"
"""Where version 1 noted the builds, by verifier, in the folder above."""


@dataclass(frozen=True)
class FitOrigin:
    """What a fitted verifier rests on. The same fit gives the same bytes: there is no time in it.

    Args:
        verifier: the kind of verifier, `graph_path`, `link_predictor` or `expression`.
        build_id: the build of the graph; None where an older version did not record it.
        options: of the fit, JSON values.
        build_options: the options of the build.
        data: SHA-256 digests by source of the build, and of question files by name.
        version: of rbio-kg.
    """

    verifier: str
    build_id: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    build_options: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """The origin as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The origin that `to_json` wrote."""
        return cls(**document)

    def write(self, folder: Path) -> None:
        """Write it into a fitted verifier's folder."""
        write_text(folder / FILE, json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The origin of a fitted verifier; its build is None where no file says it.

        Raises:
            ModelError: the file cannot be read.
        """
        path = folder / FILE
        try:
            found = cls.from_json(json.loads(path.read_text(encoding="utf-8")))
            if not isinstance(found.build_id, str | None) or not isinstance(found.options, Mapping):
                raise ValueError("a value has the wrong type")
            return found
        except FileNotFoundError:
            return cls(folder.name, _former_build(folder))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ModelError(f"cannot be read ({error})", where=path, hint="fit the verifier again") from error


def _former_build(folder: Path) -> str | None:
    try:
        return str(json.loads((folder.parent / FORMER).read_text(encoding="utf-8"))[folder.name]["build_id"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
