"""The examples of the documentation run to their end; only the model, sizes and paths are others."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.training.config.acceleration import acceleration_arguments
from rbio_kg.training.config.recipe import PolicyConfig
from rbio_kg.training.runs.rollout_file import iterate_rollouts
from rbio_kg.training.runs.run_folder import Run
from tests.support.commands import invoke
from tests.support.locations import DOCS, ROOT
from tests.support.tiny_model import save_tiny_model

Fitted = tuple[Path, dict[str, Any]]
SMALL = {
    "warmup.examples": 16, "warmup.batch_size": 8, "grpo.steps": 2, "grpo.prompts": 2, "grpo.generations": 3,
    "grpo.max_tokens": 10, "grpo.questions": 8, "evaluation.rows": 40, "evaluation.vote_rows": 6,
    "evaluation.samples": 1,
}  # fmt: skip
"""Sizes with which a training takes seconds."""


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def here(fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The workspace, as `workspace` in the current folder, with the files of docs/howto/own-verifier.md."""
    root, document = fitted[0], DOCS / "howto" / "own-verifier.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workspace").symlink_to(root)
    (root / "pairs.csv").write_text(blocks(document, "csv")[0])
    (tmp_path / "regulators.py").write_text(blocks(document, "python")[0])
    yield tmp_path
    (root / "pairs.csv").unlink()
    sys.modules.pop("regulators", None)  # Another file of this name could not be opened.


def recipe_file(folder: Path, model: Path, values: dict[str, Any]) -> Path:
    """A recipe of these values with the tiny model, small."""
    config = PolicyConfig.make(values, **{**SMALL, "model.name": str(model)})
    lines = [f"seed = {config.seed}"]
    for section, settings in config.model_dump(mode="json", exclude_none=True).items():
        if isinstance(settings, dict):
            lines += [f"[{section}]", *(f"{name} = {toml(value)}" for name, value in settings.items())]
    file = folder / "recipe.toml"
    file.write_text("\n".join(lines))
    return file


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


# The libraries warn about their own defaults.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("document", ["README.md", "docs/explanation/reward.md"])
def test_a_trainer_with_the_reward(document: str, here: Path, model: Path) -> None:
    """The Python example, then a step of training: on a small machine, one batch of few short completions."""
    (code,) = [block for block in blocks(ROOT / document, "python") if "GRPOTrainer(" in block]
    (name,) = re.findall(r'^    model="[^"]*",$', code, re.MULTILINE)
    assert 'scale_rewards="none"' in code
    sizes = (
        'scale_rewards="none", output_dir="out", max_steps=1, per_device_train_batch_size=4, num_generations=4, '
        "max_completion_length=8, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to='none', "
        "save_strategy='no', logging_steps=1"
    )
    code = code.replace(name, f"    model={str(model)!r},").replace('scale_rewards="none"', sizes)
    code = code.removesuffix("trainer.train()\n")
    space: dict[str, Any] = {}
    exec(compile(code, document, "exec"), space)  # noqa: S102
    try:
        space["trainer"].train()
        (line,) = [entry for entry in space["trainer"].state.log_history if "reward" in entry]
        assert 0.0 <= line["reward"] <= 1.0
        assert set(space["reward"].part_names) <= {
            key.split("/")[1] for key in line if key.startswith("rewards/") and key.endswith("/mean")
        }
    finally:
        space["workspace"].close()


def test_a_verifier_that_abstains_on_every_question_beside_another(here: Path, model: Path) -> None:
    values = tomllib.loads(blocks(DOCS / "howto" / "own-verifier.md", "toml")[-1])
    own = "regulators.py:Regulators.open"
    assert values == {"reward": {"verifiers": {"expression": 0.7, own: 0.3}}}
    recipe = recipe_file(here, model, values)
    document = invoke(Path("workspace"), "train", "policy", "--config", str(recipe), "--name", "own")
    assert document["parts"][own] == {"first": None, "last": None}
    assert document["parts"]["expression"]["last"] is not None
    run = Run(here / "workspace" / "runs" / "own")
    lines = run.logged("grpo")
    assert [line["step"] for line in lines] == [1, 2]
    assert all(line[f"rewards/{own}/mean"] is None and line["reward"] is not None for line in lines)
    rollouts = list(iterate_rollouts(run.rollouts))
    assert {item.parts[own] for item in rollouts} == {None}
    invoke(Path("workspace"), "evidence", "load", "own")
    page = Path(invoke(Path("workspace"), "report", "own")["report"]).read_text(encoding="utf-8")
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_the_recipe_and_the_commands_of_training_md(here: Path, model: Path) -> None:
    text = (DOCS / "howto" / "training.md").read_text(encoding="utf-8")
    acceleration, recipe = map(tomllib.loads, blocks(DOCS / "howto" / "training.md", "toml"))
    assert acceleration_arguments(PolicyConfig.make({}).acceleration) == {}
    assert PolicyConfig.make(acceleration).acceleration.vllm == "colocate"
    file = recipe_file(here, model, recipe)
    named = set(re.findall(r"`(?:accelerate launch --num_processes N -m )?(rbio-kg [^`\n]+|rbio_kg [^`\n]+)`", text))
    run = invoke(Path("workspace"), *filled("rbio-kg train policy --config FILE --name NAME", FILE=file, NAME="whole"))
    assert run["steps"] == 2 and run["after"]["per_gene_auroc"] is not None
    again = invoke(Path("workspace"), *filled("rbio-kg train policy --resume --name NAME", NAME="whole"))
    assert again["reused"] is True and again["after"] == run["after"]
    asked = "rbio-kg ask --pert SP1 --gene TP53 --cell-line k562 [--task dir] [--model RUN]"
    exported = "rbio-kg export-model RUN --out DIR"
    assert {asked, exported, 'rbio-kg ask "Does losing SP1 raise TP53 in K562?"'} <= named
    for line in (asked.partition(" [")[0], asked.replace("[", "").replace("]", "")):
        document = invoke(Path("workspace"), *filled(line, RUN="whole"))
        assert 0.0 <= document["probability"] <= 1.0 and document["unfinished"] is False
    assert invoke(Path("workspace"), "ask", "Does losing SP1 raise TP53 in K562?")["claim"]["object"] == "TP53"
    for number, form in enumerate(("", " --merge")):
        document = invoke(Path("workspace"), *filled(exported + form, RUN="whole", DIR=here / str(number)))
        assert document["form"] == ("merged" if form else "adapter")
        assert (here / str(number) / "README.md").is_file()


def filled(line: str, **values: Any) -> list[str]:
    """The arguments of a documented command, with values in the place of its capital letters."""
    return [str(values.get(word, word)) for word in shlex.split(line)[1:]]
