"""Verifiers of the user's own: registered by another distribution, or named by where their code lies."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rbio_kg.errors import RbioKGError, VerifierError, fault

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace
    from verifiers.interface import Verifier

GROUP = "rbio_kg.verifiers"
INTERFACE = ("name", "kind", "card", "score", "explain")
HINT = "see docs/own-verifier.md"


def registered() -> dict[str, EntryPoint]:
    """The entry points of the group, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def is_address(name: str) -> bool:
    """Whether a name says where code lies: `MODULE:NAME` or `FILE.py:NAME`."""
    return ":" in name or name.endswith(".py")


def addressed(name: str) -> EntryPoint:
    """`MODULE:NAME` or `FILE.py:NAME` as an entry point; NAME is a callable that takes the workspace.

    Raises:
        VerifierError: the file is missing or cannot be imported, or NAME is not given.
    """
    place, _, attribute = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    if not attribute:
        raise VerifierError("no name in the file is given", where=name, hint=f"write {name}:NAME; {HINT}")
    if place.endswith(".py"):
        place = _imported(Path(place))
    return EntryPoint(attribute, f"{place}:{attribute}", GROUP)


def opened(point: EntryPoint, workspace: Workspace) -> Verifier:
    """The verifier that an entry point gives for a workspace.

    Raises:
        VerifierError: it cannot be imported or called, or what it gives is no verifier.
    """
    where = f"{point.name} = {point.value}"
    try:
        made = point.load()(workspace)
    except RbioKGError:
        raise
    except Exception as error:  # somebody else's code
        raise VerifierError(f"cannot be opened ({fault(error)})", where=where, hint=HINT) from error
    missing = [item for item in INTERFACE if not hasattr(type(made), item)]
    if missing:
        raise VerifierError(
            f"gave {type(made).__name__}, which lacks {', '.join(missing)}",
            where=where,
            hint=f"subclass verifiers.Verifier; {HINT}",
        )
    return cast("Verifier", made)


def _imported(path: Path) -> str:
    """Import a file under its own name, so that what it defines can be pickled; that name."""
    name = path.stem
    if name in sys.modules:
        if getattr(sys.modules[name], "__file__", None) != str(path.resolve()):
            raise VerifierError(f"a module named {name!r} is there already", where=path, hint="rename the file")
        return name
    if not path.is_file():
        raise VerifierError("there is no such file", where=path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise VerifierError("cannot be imported", where=path, hint=HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise VerifierError(f"cannot be imported ({fault(error)})", where=path, hint=HINT) from error
    return name
