"""Fitting the learned verifiers of a workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.digest import file_digest
from rbio_kg.core.errors import TrainingError, VerifierError
from rbio_kg.core.progress import Progress, silent
from rbio_kg.graph.identity.rules import DEFAULT_RULES, NameRules
from rbio_kg.verifiers.base.origin import FitOrigin

if TYPE_CHECKING:
    from rbio_kg.services.base import WorkspaceBase

FITTED = ("graph_path", "link_predictor", "expression")
"""The verifiers that are fitted, in the order in which the demo fits them."""


@dataclass(frozen=True)
class FitResult:
    """What a fit gave.

    Args:
        model: name of the fitted verifier, its folder in `models/`.
        metrics: what was measured on held-out rows; JSON values.
        seconds: duration.
    """

    model: str
    metrics: Mapping[str, Any]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The document of `train link-predictor` and `train expression`."""
        return {"model": self.model, "metrics": dict(self.metrics), "seconds": self.seconds}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FitResult:
        """The result that `to_json` wrote."""
        return cls(document["model"], dict(document["metrics"]), document["seconds"])


@dataclass(frozen=True)
class ExpressionData:
    """What the expression verifier is fitted on.

    Args:
        files: PerturbQA files; empty for the graph's own questions.
        split: must be `train`.
        split_scheme: split scheme, see `rbio_kg.verifiers.splits`.
        cell_lines: lines to answer for; None for all.
        names: what is done about names in the files that are not recognised.
        gene_vectors: Parquet of gene vectors (`gene,vector`), tried as another similarity; None: none.
    """

    files: Sequence[Path] = ()
    split: str = "train"
    split_scheme: str = "official"
    cell_lines: Sequence[str] | None = None
    names: NameRules = DEFAULT_RULES
    gene_vectors: Path | None = None


def fit(
    workspace: WorkspaceBase,
    verifier: str,
    *,
    name: str | None = None,
    seed: int | None = None,
    data: ExpressionData | None = None,
    epochs: int | None = None,
    progress: Progress = silent,
) -> FitResult:
    """Fit one of the learned verifiers on the workspace's graph. The workspace uses the new model afterwards.

    Args:
        workspace: the graph, and the folder of the model.
        verifier: `graph_path`, `link_predictor` or `expression`.
        name: folder of the model in `models/`; the verifier's name otherwise.
        seed: of folds, draws and weights; the workspace's setting otherwise.
        data: what the expression verifier is fitted on; the graph's train questions otherwise.
        epochs: of the link predictor's encoder; its default otherwise.
        progress: called with a message and the finished share.

    Raises:
        VerifierError: the verifier is not one that is fitted.
        TrainingError: there are no train rows.
        BuildError: there is no graph.
    """
    fits: dict[str, Callable[..., dict[str, Any]]] = {
        "graph_path": _fit_graph_path,
        "link_predictor": _fit_link_predictor,
        "expression": _fit_expression,
    }
    if verifier not in fits:
        raise VerifierError(f"{verifier!r} is not a verifier that is fitted", hint=f"known: {', '.join(FITTED)}")
    if epochs is not None and verifier != "link_predictor":
        raise VerifierError(f"{verifier} has no epochs", hint="only the link predictor has")
    if data is not None and verifier != "expression":
        raise VerifierError(f"{verifier} takes no questions", hint="only the expression verifier is fitted on them")
    started = time.perf_counter()
    seed = workspace.settings.seed if seed is None else seed
    extra: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    if data is not None:
        extra["data"] = data
    chosen = name or verifier
    origin = _origin(workspace, verifier, seed, epochs, data or ExpressionData())
    # The origin comes with the model: a fit that is killed leaves the earlier one with its own.
    with atomic_folder(workspace.model_folder(chosen)) as folder:
        metrics = fits[verifier](workspace, folder, seed=seed, progress=progress, **extra)
        origin.write(folder)
    forget_scorecards(workspace)
    return FitResult(chosen, metrics, round(time.perf_counter() - started, 3))


def _origin(workspace: WorkspaceBase, verifier: str, seed: int, epochs: int | None, data: ExpressionData) -> FitOrigin:
    """What a fit rests on; its options are named as those of the command line."""
    options: dict[str, Any] = {"seed": seed}
    if epochs is not None:
        options["epochs"] = epochs
    if verifier == "expression":
        options |= {"protocol": data.split_scheme, "questions": [file.name for file in data.files]}
        options["cell_line"] = None if data.cell_lines is None else list(data.cell_lines)
        if data.gene_vectors is not None:
            options["gene_vectors"] = str(data.gene_vectors)
    manifest = workspace.manifest
    files = [*data.files, *([] if data.gene_vectors is None else [data.gene_vectors])]
    return FitOrigin(
        verifier,
        manifest.build_id,
        options,
        manifest.options,
        {source.name: source.sha256 for source in manifest.sources}
        | {file.name: file_digest(file) for file in files if file.is_file()},
        package_version("rbio-kg"),
    )


def forget_scorecards(workspace: WorkspaceBase) -> None:
    """A refitted verifier needs new scorecards."""
    models = workspace.paths.models
    for path in (models / "scorecards.json", *(models / "scorecards").glob("*.json")):
        path.unlink(missing_ok=True)


def fit_verifiers(
    workspace: WorkspaceBase, *, epochs: int | None = None, progress: Progress = silent, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Fit the three learned verifiers, unless they were fitted on this very build.

    Returns:
        {name: {`seconds`, `reused`}}.
    """
    from rbio_kg.services.train import read_recipe

    seed = workspace.settings.seed
    line = read_recipe(workspace, None).questions.cell_line  # the other lines only contribute their labels
    done: dict[str, dict[str, Any]] = {}
    for name in FITTED:
        data = ExpressionData(cell_lines=[line] if line else None) if name == "expression" else None
        folder = workspace.model_folder(name)
        rounds = epochs if name == "link_predictor" else None
        wanted = _origin(workspace, name, seed, rounds, data or ExpressionData())
        if folder.is_dir() and FitOrigin.read(folder) == wanted:
            done[name] = {"seconds": 0.0, "reused": True}
            continue
        say(f"fitting {name}")
        result = fit(workspace, name, seed=seed, data=data, epochs=rounds, progress=progress)
        done[name] = {"seconds": round(result.seconds, 1), "reused": False}
    return done


def _fit_graph_path(workspace: WorkspaceBase, folder: Path, *, seed: int, progress: Progress) -> dict[str, Any]:
    from rbio_kg.verifiers.graph_path.verifier import fit_graph_path

    return fit_graph_path(workspace.tables, workspace.snapshot_folder, folder, seed=seed, progress=progress)


def _fit_link_predictor(
    workspace: WorkspaceBase, folder: Path, *, seed: int, progress: Progress, **options: Any
) -> dict[str, Any]:
    from rbio_kg.verifiers.link_predictor.verifier import fit_link_predictor

    return fit_link_predictor(
        workspace.snapshot_folder,
        folder,
        questions=workspace.tables["questions"],
        seed=seed,
        progress=progress,
        **options,
    )


def _fit_expression(
    workspace: WorkspaceBase,
    folder: Path,
    *,
    seed: int,
    progress: Progress,
    data: ExpressionData = ExpressionData(),
) -> dict[str, Any]:
    import polars as pl

    from rbio_kg.graph.identity.gene_names import GeneNames
    from rbio_kg.training.data.perturbqa_csv import read_question_files
    from rbio_kg.verifiers.expression.embeddings import read_embeddings
    from rbio_kg.verifiers.expression.verifier import fit_expression

    vectors = None
    if data.gene_vectors is not None:
        vectors = read_embeddings(data.gene_vectors, GeneNames.of_tables(workspace.tables))
    questions = workspace.tables["questions"]
    if data.files:
        questions, reports = read_question_files(data.files, workspace.tables, data.names)
        for report in reports:
            for remark in report.remarks():
                progress(remark, None)
    if data.split != "train":
        raise TrainingError("models are fitted on train rows only", where="--split", hint="leave it at train")
    if questions.filter(pl.col("split") == "train").is_empty():
        raise TrainingError("there are no train questions", hint="name a PerturbQA file with --questions")
    return fit_expression(
        workspace.tables,
        folder,
        questions=questions,
        seed=seed,
        split_scheme=data.split_scheme,
        cell_lines=None if data.cell_lines is None else list(data.cell_lines),
        vectors=vectors,
        progress=progress,
    )
