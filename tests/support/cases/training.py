"""Cases about verifiers of one's own, recipes, runs and exported models."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.support.cases.bench import PROGRAM, Bench, Check, Ran, read
from tests.support.locations import DOCS
from tests.support.workspaces import RECIPE

STOPPED = "stopped"
"""The run that is interrupted."""
SHORT = (("examples = 2000", "examples = 64"), ("steps = 400", "steps = 12"))


def wrong_shape(bench: Bench) -> Iterator[Check]:
    folder = bench.case("10")
    file = bench.new("shapes.py")
    # The file imports a package of the first version.
    file.write_text(read(folder / "shapes.py").replace("from verifiers import", "from rbio_kg import"))
    claims = folder / "claims.csv"
    for name in ("column", "longer", "none", "high", "minus", "strings"):
        found = bench.run("verifiers", "check", f"{file}:{name}")
        holds = found.refused and " fails " in found.last
        yield Check(f"verifiers check {name}", found.last, "exit 1: fails some checks", holds)
    for name in ("column", "longer", "none", "high", "minus"):
        out = bench.new("scores.csv")
        found = bench.run("score", claims, "--verifier", f"{file}:{name}", "--out", out)
        yield Check(f"score {name}", found.last, "exit 1, nothing written", found.refused and not out.exists())
    for name in ("column", "high"):
        recipe = bench.recipe(folder / "recipe.toml", ("shapes.py:column", f"{file}:{name}"))
        found = bench.run("train", "policy", "--config", recipe, "--dry-run")
        yield Check(f"--dry-run {name}", found.last, "exit 1, one line", found.refused)


def stopped(bench: Bench) -> Ran:
    """A run that SIGTERM ended in GRPO; it is started once."""
    folder = bench.sample / "runs" / STOPPED
    kept = bench.folder / "stopped.json"
    if not kept.is_file():
        recipe = bench.recipe(bench.case("29") / "long.toml", *SHORT)
        command = ["train", "policy", "--config", recipe, "--name", STOPPED, "--verbose"]
        found = bench.signalled(
            command, lambda line: "GRPO step" in line and any(folder.glob("checkpoints/grpo/*")), signal.SIGTERM
        )
        kept.write_text(json.dumps([found.code, found.out, found.err]))
    return Ran(*json.loads(kept.read_text()))


def signals(bench: Bench) -> Iterator[Check]:
    found = stopped(bench)
    holds = found.code in (130, 143) and "interrupted" in found.last
    yield Check("SIGTERM in GRPO", found.last, "exit 143 or 130: interrupted", holds)
    runs = {run["name"]: run["status"] for run in bench.run("runs", "list").document["runs"]}
    yield Check("runs list", str(runs.get(STOPPED)), "interrupted", runs.get(STOPPED) == "interrupted")


def unfinished(bench: Bench) -> Iterator[Check]:
    stopped(bench)
    out = bench.new("model")
    for command in (("export-model", STOPPED, "--out", out), ("evaluate", "policy", STOPPED, "--limit", "8")):
        found = bench.run(*command)
        holds = found.refused and "unfinished" in found.last
        yield Check(f"{command[0]} of an interrupted run", found.last, "exit 1, names --unfinished", holds)
    found = bench.run("export-model", STOPPED, "--out", bench.new("model"), "--unfinished")
    reported = found.code == 0 and "unfinished" in found.out + "".join(read(file) for file in cards(found))
    yield Check("export-model --unfinished", found.last, "exit 0, the card says so", reported)


def cards(found: Ran) -> list[Path]:
    """The model cards of an export."""
    folder = found.document.get("folder") or found.document.get("out") or found.document.get("model")
    return [] if not isinstance(folder, str) else sorted(Path(folder).glob("*.md"))


def resume(bench: Bench) -> Iterator[Check]:
    stopped(bench)
    other = bench.recipe(bench.case("29") / "long.toml", *SHORT, ("learning_rate = 0.001", "learning_rate = 0.002"))
    found = bench.run("train", "policy", "--resume", "--name", STOPPED, "--config", other)
    holds = found.refused and "learning_rate" in found.last
    yield Check("--resume with another recipe", found.last, "exit 1, names learning_rate", holds)


def printed_command(bench: Bench) -> Iterator[Check]:
    said = stopped(bench).err
    printed = re.search(r"rbio-kg (train policy [^\n]*--resume[^\n]*)", said)
    words = shlex.split(printed[1]) if printed else ["train", "policy", "--resume", "--name", STOPPED]
    found = bench.process(*PROGRAM, *words)
    what = "the printed command" if printed else "the documented command"
    yield Check(f"{what}: {' '.join(words)[:60]}", found.last, "exit 0", found.code == 0)


def stale_verifiers(bench: Bench) -> Iterator[Check]:
    workspace = bench.built("w")
    shutil.copytree(bench.sample / "models", workspace / "models", dirs_exist_ok=True)
    ready = bench.run("verifiers", "list", workspace=workspace).document["verifiers"]
    able = {row["name"] for row in ready if row["ready"]}
    assert {"link_predictor", "expression"} <= able, ready
    assert bench.run("build", "--min-score", "950", workspace=workspace).code == 0
    found = bench.run("explain", "TP53", "MDM2", "--relation", "interacts_with", workspace=workspace)
    scored = [row["verifier"] for row in found.document.get("verdicts", ()) if row["score"] is not None]
    stale = sorted({"link_predictor", "expression", "graph_path"} & set(scored))
    now = f"{', '.join(stale)} answer" if stale else "none answers"
    yield Check("explain after another build", now, "none answers", not found.faulty and not stale)
    rows = bench.run("verifiers", "list", workspace=workspace).document["verifiers"]
    able = {row["name"] for row in rows if row["ready"]} & {"link_predictor", "expression"}
    yield Check("ready in verifiers list", str(sorted(able)), "[]", not able)
    recipe = bench.recipe(bench.case("11b") / "recipe.toml")
    found = bench.run("train", "policy", "--config", recipe, "--dry-run", workspace=workspace)
    yield Check("train policy --dry-run", found.last, "exit 1, one line", found.refused)


def merged_model(bench: Bench) -> Iterator[Check]:
    recipe = bench.new("recipe.toml")
    name = f"run-{recipe.parent.name}"
    recipe.write_text(RECIPE.format(model=bench.model))
    found = bench.run("train", "policy", "--config", recipe, "--name", name)
    assert found.code == 0, found.err
    adapter, merged = bench.new("adapter"), bench.new("merged")
    assert bench.run("export-model", name, "--out", adapter).code == 0
    assert bench.run("export-model", name, "--out", merged, "--merge").code == 0
    difference = largest_difference(bench.model, adapter, merged)
    yield Check("adapter and merged logits", f"{difference:.1e}", "at most 1e-4", difference <= 1e-4)


def largest_difference(base: Path, adapter: Path, merged: Path) -> float:
    """Between the logits of two exports of one policy."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rbio_kg.training.models.adapters import with_adapter

    tokenizer = AutoTokenizer.from_pretrained(merged)
    ids = tokenizer("Does losing SP1 change TP53 in k562?", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        one = with_adapter(model, adapter)(ids).logits
        other = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)(ids).logits
    return float((one - other).abs().max())


def adapter_elsewhere(bench: Bench) -> Iterator[Check]:
    text = RECIPE.format(model="smollm2")
    for old, new in (
        ("examples = 32", "examples = 4"),
        ("batch_size = 8", "batch_size = 2"),
        ("steps = 2", "steps = 0"),
        ("rows = 60", "rows = 4"),
    ):
        text = text.replace(old, new)
    recipe = bench.new("recipe.toml")
    name = f"run-{recipe.parent.name}"
    recipe.write_text(text)
    found = bench.run("train", "policy", "--config", recipe, "--name", name)
    if found.code:
        yield Check("a run of the bundled model", found.last, "exit 0", False)
        return
    out = bench.new("adapter")
    assert bench.run("export-model", name, "--out", out).code == 0
    base = json.loads(read(out / "adapter_config.json"))["base_model_name_or_path"]
    yield Check("base of the adapter", base, "HuggingFaceTB/SmolLM2-135M-Instruct", base.startswith("HuggingFaceTB/"))
    texts = {path.name: path.read_text("utf-8") for path in out.iterdir() if path.suffix in (".json", ".md")}
    own = sorted(name for name, written in texts.items() if str(bench.folder) in written)
    yield Check("files with a path of this machine", str(own), "[]", not own)
    card = next((written for name, written in texts.items() if name.endswith(".md")), "")
    holds = "import" in card and 'from_pretrained("smollm2")' not in card
    yield Check("code of the card", "runs as it is" if holds else "lacks imports or the hub id", "runs as it is", holds)


def recipes(bench: Bench) -> Iterator[Check]:
    folder, faults, refused = bench.case("23"), [], 0
    files = sorted(folder.glob("*.toml"))
    for file in files:
        found = bench.run("train", "policy", "--config", bench.recipe(file), "--dry-run")
        refused += found.refused
        if found.faulty:
            faults.append(f"{file.name}: {found.last}")
        if file.name == "bom.toml":
            bom = found
    yield Check(f"{len(files)} recipes", "; ".join(faults) or f"{refused} refused, no fault", "no fault", not faults)
    yield Check("a recipe with a byte-order mark", bom.last, "exit 0", bom.code == 0)


def abstaining_verifier(bench: Bench) -> Iterator[Check]:
    document = read(DOCS / "howto" / "own-verifier.md")
    file = bench.new("regulators.py")
    file.write_text(
        next(code for code in re.findall(r"```python\n(.*?)```", document, re.S) if "class Regulators" in code)
    )
    (bench.sample / "pairs.csv").write_text(re.findall(r"```csv\n(.*?)```", document, re.S)[0])
    recipe = bench.new("recipe.toml")
    name = f"run-{recipe.parent.name}"
    text = RECIPE.format(model=bench.model)
    recipe.write_text(f'{text}[reward]\nverifiers = {{ expression = 0.7, "{file}:Regulators.open" = 0.3 }}\n')
    found = bench.run("train", "policy", "--config", recipe, "--name", name)
    steps = found.document.get("steps")
    now = f"exit 0, {steps} steps" if found.code == 0 else found.last
    yield Check("the verifier of docs/howto/own-verifier.md", now, "exit 0, 2 steps", found.code == 0 and steps == 2)
    manifest = bench.run("runs", "show", name)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    reported = digest in manifest.out
    yield Check("its file in the manifest", "by its digest" if reported else "not named", "by its digest", reported)
