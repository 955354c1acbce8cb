"""A trained policy as a folder for the Hub's libraries: one adapter or all weights, tokenizer, model card."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rbio_kg.core.atomic_io import atomic_folder
from rbio_kg.core.errors import ModelError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.progress import Progress
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.models.adapters import load_stages, trained_stages
from rbio_kg.training.models.loading import load_model, load_tokenizer, prepare_model, quiet
from rbio_kg.training.models.public_base import name_base, public_name, without_paths
from rbio_kg.training.pipeline.model_card import model_card
from rbio_kg.training.runs.run_folder import EVALUATIONS, Run, check_finished, find_run, read_run

if TYPE_CHECKING:
    from rbio_kg.training.models.types import LanguageModel

ORIGIN = "origin.json"
"""The file of an exported policy that names the build, the verifiers and the digests that it rests on."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An exported policy.

    Args:
        run: name of the run.
        form: `merged`, all weights, or `adapter`.
        out: the folder.
        files: names of its files, sorted.
        base_model: name of the base model, as in the recipe.
        stale: what the run was trained with that was made on another build, with the reason.
        unfinished: whether the run was unfinished, so that these are the weights of its last saved stage.
    """

    run: str
    form: Literal["merged", "adapter"]
    out: Path
    files: list[str]
    base_model: str
    stale: Mapping[str, str] = field(default_factory=dict)
    unfinished: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON; `stale` only where something is."""
        document = {**asdict(self), "out": str(self.out)}
        return document if self.stale else {name: document[name] for name in document if name != "stale"}


def export_model(
    paths: WorkspacePaths, name: str, out: Path, *, merge: bool, unfinished: bool = False, progress: Progress
) -> ExportedModel:
    """Write the policy of a run to a folder.

    The weights are float32 whatever the precision of the training, so that the files do not depend on the machine.

    Args:
        paths: the workspace.
        name: of the run.
        out: a folder that does not exist yet, or is empty.
        merge: write all weights, which transformers loads without PEFT; otherwise the adapters of all stages as one.
            A run that trained all weights always gives all weights.
        unfinished: also export what is saved of an unfinished run.
        progress: called with what happens.

    Raises:
        TrainingError: there is no such run, or it is unfinished and `unfinished` is not given.
        ModelError: nothing is trained yet, a part is missing, or `out` is in use.
    """
    run = Run(find_run(paths, name))
    incomplete = check_finished(run, unfinished=unfinished)
    manifest = read_run(run.folder)
    config = PolicyConfig.make(dict(manifest.config), where=str(run.manifest_file))
    stages = trained_stages(run)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError("the folder is in use", where=out, hint="name a new one with --out")
    base = prepare_model(config.model.name, paths.models, progress)
    merged = merge or config.model.method == "full"
    progress(f"exporting {name}: {'all weights' if merged else 'one adapter'}", None)
    with atomic_folder(out) as temporary:
        with quiet():
            if merged:
                # float32 on every machine: merging in bfloat16 would round the trained difference away.
                loaded = load_stages(base, run.model, config.model.method, "float32")
                loaded.model.save_pretrained(temporary)
            else:
                loaded = load_model(base, "float32")
                combined = combine_adapters(loaded, [run.model / stage for stage in stages])
                name_base(combined, public_name(config.model.name))
                combined.save_pretrained(temporary)
            load_tokenizer(str(run.model / stages[-1])).save_pretrained(temporary)
        result = manifest.result or {stage: found for stage in EVALUATIONS if (found := run.read_evaluation(stage))}
        card = model_card(manifest, result, "merged" if merged else "combined", stages)
        (temporary / "README.md").write_text(card, encoding="utf-8")
        origin = {"run": manifest.name, "version": manifest.version, "build_id": manifest.build_id, **manifest.origin}
        (temporary / ORIGIN).write_text(json.dumps(without_paths(origin), indent=1) + "\n", encoding="utf-8")
    return ExportedModel(
        run=name,
        form="merged" if merged else "adapter",
        out=out,
        files=sorted(path.name for path in out.iterdir()),
        base_model=config.model.name,
        stale=dict(manifest.origin.get("stale", {})),
        unfinished=incomplete,
    )


def combine_adapters(base: LanguageModel, folders: list[Path]) -> Any:
    """One LoRA adapter on the base model that is equal to the adapters of all stages one after the other.

    Each adds scale * B A to a weight. Their sum is the product of stacked matrices: the rows of all A, and the columns
    of all scale * B. In exact arithmetic nothing is lost.

    Raises:
        ModelError: an adapter is missing or corrupt.
    """
    import torch
    from peft import LoraConfig, PeftConfig, get_peft_model, load_peft_weights, set_peft_model_state_dict

    parts: dict[str, list[tuple[Any, Any]]] = {}
    for folder in folders:
        try:
            config, weights = PeftConfig.from_pretrained(str(folder)), load_peft_weights(str(folder), device="cpu")
            scale = float(config.lora_alpha) / float(config.r)
            for key in sorted(weights):
                if key.endswith(".lora_A.weight"):
                    first, second = weights[key], weights[key.replace(".lora_A.", ".lora_B.")]
                    parts.setdefault(key, []).append((first.float(), scale * second.float()))
        except Exception as error:  # the readers raise whatever a corrupt file leads to
            raise ModelError(
                f"the adapter cannot be loaded ({type(error).__name__})", where=folder, hint="train the run again"
            ) from error
    modules = {key: re.sub(r"^base_model\.model\.|\.lora_A\.weight$", "", key) for key in parts}
    ranks = {modules[key]: sum(first.shape[0] for first, _ in found) for key, found in parts.items()}
    together = LoraConfig(
        r=max(ranks.values()),
        lora_alpha=max(ranks.values()),
        rank_pattern=dict(ranks),
        alpha_pattern=dict(ranks),
        target_modules=sorted(ranks),
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base.model, together)
    state = {}
    for key, found in parts.items():
        state[key] = torch.cat([first for first, _ in found])
        state[key.replace(".lora_A.", ".lora_B.")] = torch.cat([second for _, second in found], dim=1)
    set_peft_model_state_dict(model, state)
    return model
