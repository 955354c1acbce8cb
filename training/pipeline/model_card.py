"""The model card of a trained policy: data, recipe, metrics and limits, all read from the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rbio_kg.core.atomic_io import write_text
from rbio_kg.training.models.loading import BUNDLED
from rbio_kg.training.models.public_base import is_hub_id, public_base, public_name, without_paths

if TYPE_CHECKING:
    from rbio_kg.training.runs.manifest import RunManifest
    from rbio_kg.training.runs.run_folder import Run

STAGE_LABELS = {"before": "before training", "after_warmup": "after SFT", "after": "after training"}
_STAGES = {"warmup": "SFT", "grpo": "GRPO"}


def write_card(run: Run, result: Mapping[str, Any]) -> None:
    """Write the card of a run that is at its end into the folder of its last stage, over the empty form of PEFT."""
    for stage in ("grpo", "warmup"):
        if (run.model / stage).is_dir():
            card = model_card(replace(run.manifest, status="finished"), result, "adapter")
            write_text(run.model / stage / "README.md", card)
            return


def model_card(manifest: RunManifest, result: Mapping[str, Any], form: str, stages: Sequence[str] = ()) -> str:
    """The card: Markdown with the Hub's metadata at the top.

    Args:
        manifest: of the run.
        result: what the run reported at its end.
        form: `adapter` (this stage's weights as they are), `combined` (one adapter for the base model) or `merged`
            (all weights).
        stages: that the weights hold (`warmup`, `grpo`); the card of an unfinished run names them.
    """
    config = manifest.config
    questions, simulated, hidden = config["questions"], manifest.simulated, ("alarms", "acceleration")
    lines = [
        "---",
        _metadata(manifest, form).strip(),
        "---",
        f"# {manifest.name}",
        "",
        "A language model trained on claims of biology (does losing a gene change another's expression?). Its answers "
        "were scored by verifiers built on a gene and pathway knowledge graph. Trained with rbio-kg "
        f"{manifest.version}.",
        "",
        _unfinished(manifest, stages),
        "**Its labels are SIMULATED: the model shows that the training works, and says nothing about biology.**\n"
        if simulated
        else "",
        *(f"**Stale: {reason}.**\n" for reason in manifest.origin.get("stale", {}).values()),
        "## Use",
        "",
        _use(config, form),
        "",
        "It answers `<think>why</think><answer>yes 7</answer>`; the digit is the confidence in tenths. "
        + (
            "It expects graph facts in the prompt (open book). Without them its answers are not reliable."
            if questions["prompt"] == "open"
            else "The prompt holds only the names of the genes (closed book)."
        ),
        "",
        "## Data",
        "",
        f"- graph build `{manifest.build_id}`",
        *_origin(manifest.origin),
        f"- questions: task {questions['task']}, cell line {questions['cell_line'] or 'all'}, split scheme "
        f"{questions['split_scheme']}, {'simulated' if simulated else 'measured'} labels, train split only",
        *_counts(result.get("questions")),
        "",
        "## Recipe",
        "",
        f"Base model `{public_name(config['model']['name'])}`, {config['model']['method']}; seed {config['seed']}.",
        "",
        "```json",
        json.dumps(without_paths({key: config[key] for key in config if key not in hidden}), indent=1),
        "```",
        "",
        "## Metrics",
        "",
        *_metrics(result),
        "",
        "Headline: the mean AUROC over monitored genes on test questions, with a 95 % bootstrap interval over genes. A "
        "model that knows only each gene's base rate scores 0.5.",
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in limits(manifest, result)),
        "",
    ]
    return "\n".join(line for line, before in zip(lines, [None, *lines[:-1]], strict=True) if line or before)


def _unfinished(manifest: RunManifest, stages: Sequence[str]) -> str:
    """The line at the top of an unfinished run's card."""
    if manifest.status == "finished":
        return ""
    held = " and ".join(_STAGES[stage] for stage in stages) or "its last saved stage"
    return (
        f"**The training is UNFINISHED ({manifest.status}): these are the weights after {held}, not after the complete "
        "recipe below.**\n"
    )


def limits(manifest: RunManifest, result: Mapping[str, Any]) -> list[str]:
    """Limits of the model, as far as the run shows them."""
    section = manifest.config["questions"]
    found = [
        f"Evaluated on task {section['task']} in {section['cell_line'] or 'all cell lines'} only. Other cells, other "
        "kinds of perturbation and other questions are untested.",
        "Research use. Not for diagnosis or treatment.",
        "Its reasoning is text: check its statements against the graph before you rely on them.",
    ]
    if manifest.simulated:
        found.insert(0, "Labels were drawn from a model on the graph, not measured.")
    after = result.get("after") or {}
    interval = after.get("interval")
    if interval and interval[0] <= 0.5:
        found.append("Its interval of the per-gene AUROC includes 0.5: it shows no skill above the genes' base rates.")
    if after.get("ece") is not None:
        found.append(f"Expected calibration error of its probabilities: {after['ece']:.3f}.")
    if after.get("unparsed_rate"):
        found.append(f"{after['unparsed_rate']:.0%} of its sampled answers could not be parsed.")
    for alarm in manifest.alarms:
        found.append(f"Alarm at GRPO step {alarm['step']}: {alarm['message']}.")
    return found


def _metadata(manifest: RunManifest, form: str) -> str:
    from huggingface_hub import ModelCardData

    name = str(manifest.config["model"]["name"])
    data = ModelCardData(
        base_model=public_name(name) if name == BUNDLED or is_hub_id(name) else None,
        library_name="transformers" if form == "merged" or manifest.config["model"]["method"] == "full" else "peft",
        license="apache-2.0" if name == BUNDLED else None,
        pipeline_tag="text-generation",
        tags=[
            *("biology", "knowledge-graph", "grpo", "rbio-kg"),
            *(["simulated-labels"] if manifest.simulated else []),
            *(["unfinished"] if manifest.status != "finished" else []),
        ],
    )
    return str(data.to_yaml())


def _use(config: Mapping[str, Any], form: str) -> str:
    """Code that loads the model in the folder of its files, with all imports."""
    if form == "merged" or config["model"]["method"] == "full":
        imports = ["from transformers import AutoModelForCausalLM, AutoTokenizer"]
        code = ['model = AutoModelForCausalLM.from_pretrained(".")']
        notes = []
    else:
        base = public_base(str(config["model"]["name"]))
        *others, loader = base.imports
        imports = [*others, "from peft import PeftModel", _with_tokenizer(loader)]
        code, notes = [base.code], [base.note]
        if form == "adapter" and config["warmup"]["examples"]:
            code.append('base = PeftModel.from_pretrained(base, "../warmup").merge_and_unload()')
            notes.append(
                "This adapter belongs on the model after SFT, whose adapter is in the folder `../warmup`. "
                "`rbio-kg export-model` writes one adapter for the base model, or with `--merge` all weights."
            )
        code.append('model = PeftModel.from_pretrained(base, ".")')
    code.append('tokenizer = AutoTokenizer.from_pretrained(".")')
    text = "\n".join([*imports, "", *code])
    return "\n\n".join([*notes, f"Run this in the folder of these files:\n\n```python\n{text}\n```"])


def _with_tokenizer(line: str) -> str:
    return line.replace("AutoModelForCausalLM", "AutoModelForCausalLM, AutoTokenizer")


def _origin(origin: Mapping[str, Any]) -> list[str]:
    """Options, sources and verifiers that the run rests on, with the first digits of their digests."""
    lines = []
    if build := origin.get("build"):
        lines.append("- options: " + ", ".join(f"{name} {value}" for name, value in build["options"].items()))
        lines.append("- sources: " + ", ".join(f"{name} `{value[:12]}`" for name, value in build["data"].items()))
    digests = {
        without_paths(name): found.get("sha256") or "graph build" for name, found in origin.get("verifiers", {}).items()
    }
    digests |= origin.get("files", {})
    if digests:
        lines.append("- rests on: " + ", ".join(f"{name} `{value[:12]}`" for name, value in digests.items()))
    return lines


def _counts(counts: Any) -> list[str]:
    if not isinstance(counts, Mapping):
        return []
    shown = [f"{name.replace('_', ' ')} {value}" for name, value in counts.items() if not isinstance(value, bool)]
    return [f"- rows: {', '.join(shown)}"]


def _metrics(result: Mapping[str, Any]) -> list[str]:
    rows = [
        "| model | per-gene AUROC | interval | F1 | MCC | ECE | unparsed answers | rows |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for stage, label in STAGE_LABELS.items():
        if result.get(stage):
            rows.append(_row(label, result[stage], result[stage].get("rows")))
    last: Mapping[str, Any] = next((result[stage] for stage in reversed(STAGE_LABELS) if result.get(stage)), {})
    for name, values in (last.get("baselines") or {}).items():
        rows.append(_row(f"baseline: {name.replace('_', ' ')}", values, last.get("rows")))
    return rows


def _row(label: str, values: Mapping[str, Any], rows: Any) -> str:
    pooled = values.get("pooled") or {}
    interval = values.get("interval")
    span = f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    figures = [values.get("per_gene_auroc"), pooled.get("f1"), pooled.get("mcc"), values.get("ece")]
    auroc, f1, mcc, ece = ("" if value is None else f"{value:.3f}" for value in figures)
    unparsed = values.get("unparsed_rate")
    share = "" if unparsed is None else f"{unparsed:.0%}"
    return f"| {label} | {auroc} | {span} | {f1} | {mcc} | {ece} | {share} | {rows} |"
