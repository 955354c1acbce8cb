"""The verifiers of a workspace: which are ready, whether one keeps the contract, and tables of predictions."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.claims import Relation
from rbio_kg.core.digest import file_digest
from rbio_kg.core.errors import BuildError, ConfigError, RbioKGError, StaleError, VerifierError, fault
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.registry import BUILT_IN, FITTED_BY, TABLE, is_table, registered, table_names
from rbio_kg.services.fit import forget_scorecards
from rbio_kg.services.score import COLUMNS, as_claims, read_claims
from rbio_kg.verifiers.base.origin import FitOrigin

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase
    from rbio_kg.verifiers.base.verifier import Card
    from rbio_kg.verifiers.testing import Outcome

VerifierStatus = Literal["ready", "stale", "not fitted", "broken"]


@dataclass(frozen=True)
class ListedVerifier:
    """A verifier of a workspace: its card, or the reason why it is not ready.

    Args:
        name: its name.
        kind: `claim` or `text`; None where it is not ready.
        card: None where it is not ready.
        reason: why it is not ready, or stale.
        status: `ready`, `stale` (fitted on another build), `not fitted` or `broken`. A stale one is ready only where
            that is allowed.
    """

    name: str
    kind: str | None
    card: Card | None
    reason: str | None = None
    status: VerifierStatus = "ready"

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.card is not None

    @property
    def simulated(self) -> bool:
        """Whether it was fitted on simulated labels; False where it is not ready."""
        return self.card is not None and self.card.simulated

    def to_json(self) -> dict[str, Any]:
        """An element of the document of `verifiers list`."""
        document = {"name": self.name, "kind": self.kind, "ready": self.ready, "status": self.status}
        reason = {} if self.reason is None else {"reason": self.reason}
        return document | reason | ({} if self.card is None else self.card.to_json())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The verifier that `to_json` wrote."""
        from rbio_kg.verifiers.base.verifier import Card

        card = Card.from_json(document) if document["ready"] else None
        return cls(document["name"], document["kind"], card, document.get("reason"), document.get("status", "ready"))


@dataclass(frozen=True)
class ContractCheck:
    """The checks of the contract on one verifier, and the number of claims that it was given."""

    name: str
    claims: int
    checks: tuple[Outcome, ...]

    @property
    def passes(self) -> bool:
        """Whether it passes every check."""
        return all(outcome.passed for outcome in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The document of `verifiers check`."""
        return {
            "name": self.name,
            "passes": self.passes,
            "claims": self.claims,
            "checks": [asdict(outcome) for outcome in self.checks],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The checks that `to_json` wrote."""
        from rbio_kg.verifiers.testing import Outcome

        return cls(document["name"], document["claims"], tuple(Outcome(**item) for item in document["checks"]))


def listed(workspace: WorkspaceBase, name: str) -> ListedVerifier:
    """One verifier's card, or the reason why there is none; a broken one does not hide the others."""
    status: VerifierStatus = "broken"
    try:
        verifier = workspace.verifier(name)
        stale = workspace.stale.get(name)
        return ListedVerifier(name, verifier.kind, verifier.card, stale, "stale" if stale else "ready")
    except (BuildError, ConfigError):
        raise  # nothing of the workspace can be used
    except StaleError as error:
        reason, status = str(error), "stale"
    except RbioKGError as error:
        reason = str(error)
        if name in FITTED_BY and not workspace.model_folder(name).is_dir():
            status = "not fitted"
    except Exception as error:  # somebody else's code
        reason = fault(error)
    return ListedVerifier(name, None, None, reason, status)


def check_contract(workspace: WorkspaceBase, name: str, claims: Path | None) -> ContractCheck:
    """Every check of the contract and how it went."""
    from rbio_kg.verifiers.testing import make_context, run_checks

    verifier = workspace.verifier(name)
    own = None if claims is None else as_claims(read_claims(claims), claims)
    context = make_context(verifier, workspace.tables, own, seed=workspace.settings.seed)
    return ContractCheck(name, len(context.claims), tuple(run_checks(context)))


@dataclass(frozen=True)
class Predictions:
    """A file of a model's predictions, and what is done with it.

    Args:
        file: CSV (also .gz) or Parquet, see `rbio_kg.verifiers.table.rows.read_predictions`.
        relation: of rows without the column `relation`.
        cell_line: of rows without the column `cell_line`; None: they hold for any line.
        raw: take the scores as probabilities instead of calibrating them.
        model: that made them; the verifier's name otherwise.
        licence: of the predictions.
        reference: of the model.
        names: what is done about names that are not recognised.
    """

    file: Path
    relation: str = str(Relation.CHANGES_EXPRESSION_OF)
    cell_line: str | None = None
    raw: bool = False
    model: str | None = None
    licence: str | None = None
    reference: str | None = None
    names: NameRules = DEFAULT_RULES


@dataclass(frozen=True)
class AddedTable:
    """A table verifier that was added.

    Args:
        name: of the verifier.
        rows: number of predictions that it has.
        genes: number of perturbed genes, the subjects of its claims.
        calibration: relation -> `method` (out of fold, or raw), `rows`, and the figures of the calibration.
        coverage: share of the graph's questions that it scores, 0 to 1; labels are not read.
        questions: the same share for each cell line and task.
        simulated: whether it was calibrated on simulated labels.
        seconds: duration.
        unrecognised: kind of name that was not recognised -> number of rows.
        remarks: what people should know about the rows, a line each.
    """

    name: str
    rows: int
    genes: int
    calibration: Mapping[str, Any]
    coverage: float
    questions: Mapping[str, float]
    simulated: bool
    seconds: float
    unrecognised: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document of `verifiers add`."""
        return {
            "name": self.name,
            "rows": self.rows,
            "genes": self.genes,
            "calibration": {relation: dict(found) for relation, found in self.calibration.items()},
            "coverage": self.coverage,
            "questions": dict(self.questions),
            "simulated": self.simulated,
            "seconds": self.seconds,
            "unrecognised": dict(self.unrecognised),
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote."""
        return cls(**{**document, "remarks": tuple(document["remarks"])})


def add_table(
    workspace: WorkspaceBase,
    name: str,
    predictions: Predictions,
    *,
    seed: int | None = None,
    progress: Progress = silent,
) -> AddedTable:
    """Make a verifier of a file of predictions. One of the same name is replaced.

    Args:
        workspace: the graph, and the folder of the model.
        name: of the verifier: lower-case letters, digits and _.
        predictions: the file.
        seed: of the folds; the workspace's setting otherwise.
        progress: called with a message and the finished share.

    Raises:
        VerifierError: the name cannot be used, or scores outside 0 to 1 are not calibrated.
        SourceError: the file is no table of predictions.
        SelectionError: too many names are not recognised.
        BuildError: there is no graph.
    """
    import numpy as np

    from rbio_kg.training.data.question_set import QuestionSet
    from rbio_kg.verifiers.table.fit import TableSource, fit_table, table_about
    from rbio_kg.verifiers.table.rows import FileOptions, read_predictions

    started = time.perf_counter()
    _check_name(workspace, name)
    relation = Relation.parse(predictions.relation)
    file, tables, manifest = predictions.file, workspace.tables, workspace.manifest
    seed = workspace.settings.seed if seed is None else seed
    progress(f"predictions: reading {file.name}", 0.0)
    rows = read_predictions(file, tables, FileOptions(relation, predictions.cell_line, predictions.names))
    options = {
        "predictions": str(file.absolute()),
        "relation": None if relation is Relation.CHANGES_EXPRESSION_OF else str(relation),
        "cell_line": predictions.cell_line,
        "raw": predictions.raw,
        "model": predictions.model,
        "seed": seed,
    }
    data = {source.name: source.sha256 for source in manifest.sources} | {file.name: file_digest(file)}
    origin = FitOrigin(TABLE, manifest.build_id, options, manifest.options, data, package_version("rbio-kg"))
    described = {"licence": predictions.licence, "reference": predictions.reference}
    source = TableSource(
        name, file.name, predictions.model or name, **{key: value for key, value in described.items() if value}
    )
    progress("predictions: calibrating", 0.5)
    with atomic_folder(workspace.model_folder(name)) as folder:
        calibration = fit_table(rows, tables["questions"], folder, source, raw=predictions.raw, seed=seed)
        about = table_about(folder)
        origin.write(folder)
    forget_scorecards(workspace)
    verifier, coverage, scored, total = workspace.verifier(name), {}, 0, 0
    for (line, task), part in sorted(tables["questions"].group_by("cell_line", "task"), key=str):
        found = int((~np.isnan(verifier.score(QuestionSet(part).claims()))).sum())
        coverage[f"{line} {task}"] = found / part.height
        scored, total = scored + found, total + part.height
    progress("predictions: added", 1.0)
    return AddedTable(
        name,
        about["rows"],
        about["genes"],
        calibration,
        scored / total if total else 0.0,
        coverage,
        about["simulated"],
        round(time.perf_counter() - started, 3),
        rows.names.to_json(),
        tuple(rows.names.remarks()),
    )


def remove_table(workspace: WorkspaceBase, name: str) -> None:
    """Remove a verifier that `add_table` made.

    Raises:
        VerifierError: there is no such table verifier.
    """
    if not is_table(workspace, name):
        known = ", ".join(table_names(workspace.paths.models)) or "none"
        raise VerifierError(f"there is no verifier {name!r} made of predictions", hint=f"there are: {known}")
    folder = workspace.model_folder(name)
    gone = folder.with_name(f".{name}.removed")
    shutil.rmtree(gone, ignore_errors=True)
    folder.replace(gone)  # In one step: a half-removed model is never opened.
    shutil.rmtree(gone, ignore_errors=True)
    forget_scorecards(workspace)


def _check_name(workspace: WorkspaceBase, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in COLUMNS:
        raise VerifierError(
            f"a verifier cannot be called {name!r}", hint="use lower-case letters, digits and _, for example vcm"
        )
    if name in BUILT_IN or name in registered():
        raise VerifierError(f"there is a verifier {name!r} already", hint="choose another name, for example vcm")
    if workspace.model_folder(name).exists() and not is_table(workspace, name):
        raise VerifierError(
            "another model has this name", where=workspace.model_folder(name), hint="choose another name"
        )
