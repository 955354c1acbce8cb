"""Verifiers by name: the built-in ones, those that distributions register, and those named by where their code lies."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from rbio_kg.core.digest import file_digest, folder_digest
from rbio_kg.core.errors import ModelError, RbioKGError, VerifierError, fault
from rbio_kg.graph_builders.build.manifest import Manifest
from rbio_kg.verifiers.base.origin import FILE as ORIGIN_FILE
from rbio_kg.verifiers.base.origin import FitOrigin
from rbio_kg.verifiers.base.verifier import Verifier


class VerifierSources(Protocol):
    """What a verifier is opened from; a `Workspace` is one."""

    @property
    def snapshot_folder(self) -> Path:
        """Folder of the memory-mapped snapshot."""
        ...

    @property
    def build_folder(self) -> Path:
        """Folder of the build in use."""
        ...

    def model_folder(self, name: str) -> Path:
        """Where the fitted verifier `name` is stored."""
        ...

    def snapshot_of(self, build_id: str) -> Path:
        """Folder of a build's snapshot."""
        ...

    def accept_build(self, name: str, build_id: str | None, *, again: str) -> None:
        """Raise StaleError unless a verifier that was fitted on a build may be used."""
        ...


class OriginSources(VerifierSources, Protocol):
    """A workspace with its manifest and its opened verifiers."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the build in use."""
        ...

    @property
    def stale(self) -> Mapping[str, str]:
        """What rests on another build than the one in use."""
        ...

    def verifier(self, name: str) -> Verifier:
        """An opened verifier."""
        ...


GROUP = "rbio_kg.verifiers"
INTERFACE = ("name", "kind", "card", "score", "explain")
HINT = "see docs/howto/own-verifier.md"
FITTED_BY = {
    "graph_path": "train link-predictor",
    "link_predictor": "train link-predictor",
    "expression": "train expression",
}
"""The arguments of `rbio-kg` that fit each verifier that is fitted."""
TABLE = "table"
"""The kind of the verifiers that `rbio-kg verifiers add` makes of a file of predictions."""


def registered() -> dict[str, EntryPoint]:
    """The entry points of the group, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def is_table(workspace: VerifierSources, name: str) -> bool:
    """Whether a name is that of a table verifier of the workspace."""
    folder = workspace.model_folder(name)
    if not (folder / ORIGIN_FILE).is_file():
        return False
    try:
        return FitOrigin.read(folder).verifier == TABLE
    except ModelError:
        return False


def table_names(models: Path) -> list[str]:
    """The table verifiers among the fitted models, by name."""
    found = []
    for path in sorted(models.glob(f"[a-z]*/{ORIGIN_FILE}")):
        try:
            if FitOrigin.read(path.parent).verifier == TABLE:
                found.append(path.parent.name)
        except ModelError:
            continue  # a damaged model of another kind does not hide the tables
    return found


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


def opened(point: EntryPoint, workspace: VerifierSources) -> Verifier:
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


@dataclass(frozen=True)
class Fitted:
    """A fitted verifier's folder, and what it rests on."""

    folder: Path
    origin: FitOrigin


def fitted(workspace: VerifierSources, name: str) -> Fitted:
    """A fitted verifier. Every one is opened through here, so that none speaks of another graph unnoticed.

    Raises:
        VerifierError: it has not been fitted; the hint says what to run.
        StaleError: it was fitted on another build.
        ModelError: its origin cannot be read.
    """
    folder = workspace.model_folder(name)
    if not folder.is_dir():
        raise VerifierError(f"{name} has not been fitted here", where=folder, hint=f"run rbio-kg {FITTED_BY[name]}")
    origin = FitOrigin.read(folder)
    workspace.accept_build(name, origin.build_id, again=fit_command(name, origin))
    return Fitted(folder, origin)


def fit_command(name: str, origin: FitOrigin) -> str:
    """The arguments of `rbio-kg` that fit a verifier again with the options that it was fitted with."""
    words = [f"verifiers add {name}" if origin.verifier == TABLE else FITTED_BY[name]]
    for option, value in origin.options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is True:
                words.append(f"--{option.replace('_', '-')}")
            elif one is not None and one is not False:
                words.append(f"--{option.replace('_', '-')} {shlex.quote(str(one))}")
    return " ".join(words)


def origin_of(workspace: OriginSources, verifiers: Iterable[str] = (), files: Iterable[Path] = ()) -> dict[str, Any]:
    """What something that is made now rests on, as plain JSON values.

    Args:
        workspace: the graph in use, and its verifiers.
        verifiers: those that it uses, by name.
        files: tables that it reads.

    Returns:
        `build` (`build_id`, `options`, and `data`: SHA-256 digests by source), `verifiers` by name, `files` by name,
        and `stale`: what of it was made on another build, with the reason.
    """
    manifest = workspace.manifest
    return {
        "build": {
            "build_id": manifest.build_id,
            "options": dict(manifest.options),
            "data": {source.name: source.sha256 for source in manifest.sources},
        },
        "verifiers": {name: _verifier_origin(workspace, name) for name in sorted(set(verifiers))},
        "files": {file.name: file_digest(file) for file in files},
        "stale": dict(workspace.stale),
    }


def _verifier_origin(workspace: OriginSources, name: str) -> dict[str, Any]:
    """What the scores of a verifier rest on, for the manifests of runs, as plain JSON values.

    A fitted one names the build, the options and the data of its fit. One of the user's own names the file of its code.
    `sha256` is the digest of the model or the code, `files` the digests of the data files that it names.

    Raises:
        VerifierError: a data file that it names cannot be read.
    """
    found: dict[str, Any] = {}
    verifier = workspace.verifier(name)
    folder = workspace.model_folder(name)
    if (name in FITTED_BY and folder.is_dir()) or is_table(workspace, name):
        found = {**FitOrigin.read(folder).to_json(), "sha256": folder_digest(folder, without=ORIGIN_FILE)}
    elif name not in BUILT_IN and name not in VARIANTS:
        point = addressed(name) if is_address(name) else registered()[name]
        found = _code_origin(point.module)
    try:
        files = {Path(file).name: file_digest(Path(file)) for file in getattr(verifier, "files", ())}
    except OSError as error:
        raise VerifierError(f"a data file of {name} cannot be read ({error.strerror})", where=error.filename) from error
    return found | ({"files": files} if files else {})


def _code_origin(module: str) -> dict[str, Any]:
    """Name and digest of a module's file, or of all modules of a package."""
    spec = importlib.util.find_spec(module) if module not in sys.modules else sys.modules[module].__spec__
    file = None if spec is None else spec.origin
    if file is None or not Path(file).is_file():
        return {"module": module, "sha256": None}
    path = Path(file)
    digest = folder_digest(path.parent, "*.py") if path.name == "__init__.py" else file_digest(path)
    return {"module": module, "file": path.name, "sha256": digest}


def _graph_path(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.graph_path.verifier import GraphPathVerifier

    if not workspace.model_folder("graph_path").is_dir():
        return GraphPathVerifier(workspace.snapshot_folder)
    found = fitted(workspace, "graph_path")
    build = found.origin.build_id
    # Where a stale one is allowed, it speaks of the graph that it was fitted on, as the link predictor does.
    return GraphPathVerifier(workspace.snapshot_of(build) if build else workspace.snapshot_folder, found.folder)


def _link_predictor(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.link_predictor.verifier import LinkPredictorVerifier

    return LinkPredictorVerifier(fitted(workspace, "link_predictor").folder)


def _expression(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.expression.verifier import ExpressionVerifier

    return ExpressionVerifier(fitted(workspace, "expression").folder)


def table(workspace: VerifierSources, name: str) -> Verifier:
    """A table verifier of the workspace."""
    from rbio_kg.verifiers.table.verifier import TableVerifier

    found = fitted(workspace, name)
    build = found.origin.build_id
    return TableVerifier(found.folder, workspace.snapshot_of(build) if build else workspace.snapshot_folder)


def _ontology_text(workspace: VerifierSources, *namespaces: str) -> Verifier:
    from rbio_kg.graph.schema.schema import NAMESPACES
    from rbio_kg.verifiers.text.ontology_text import OntologyTextVerifier

    return OntologyTextVerifier(workspace.snapshot_folder, namespaces=namespaces or NAMESPACES)


def _reasoning_trace(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier

    return ReasoningTraceVerifier(workspace.snapshot_folder)


def _experiment(workspace: VerifierSources) -> Verifier:
    from rbio_kg.verifiers.expression.measured import ExperimentVerifier

    return ExperimentVerifier(workspace.build_folder / "tables")


BUILT_IN: dict[str, Callable[[VerifierSources], Verifier]] = {
    "graph_path": _graph_path,
    "link_predictor": _link_predictor,
    "expression": _expression,
    "ontology_text": _ontology_text,
    "reasoning_trace": _reasoning_trace,
    "experiment": _experiment,
}


def _of_ontology(namespace: str) -> Callable[[VerifierSources], Verifier]:
    return lambda workspace: _ontology_text(workspace, namespace)


VARIANTS: dict[str, Callable[[VerifierSources], Verifier]] = {
    "ontology_text:process": _of_ontology("biological_process"),
    "ontology_text:function": _of_ontology("molecular_function"),
    "ontology_text:component": _of_ontology("cellular_component"),
}
"""Verifiers that read one part of what a built-in one reads: for recipes, not among the verifiers that are listed."""
