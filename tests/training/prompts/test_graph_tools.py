"""Tools: out of fold, never an error for the model's mistakes, and one real GRPO run in which the model calls them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import TrainingError
from rbio_kg.graph.snapshot.snapshot import Snapshot
from rbio_kg.training.prompts.graph_tools import GraphTools, graph_environment
from rbio_kg.training.prompts.parser import completion_text, text_read
from tests.support.random_graph import GENES, random_snapshot
from tests.support.small_run import run_small, small_recipe
from tests.support.tiny_model import tiny_model, tiny_tokenizer
from tests.support.toy_knockdowns import PERTS, ToyFacts, fold, toy_questions

CALL = '{"name": "known_knockdowns", "arguments": {}}'
# A small template that can call tools; a real one spells the tools out.
TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool.function.name }} {% endfor %}<|im_end|>\n"
    "{% endif %}"
    "{% for m in messages %}<|im_start|>{{ 'user' if m.role == 'tool' else m.role }}\n{{ m.content }}"
    '{% for call in m.tool_calls or [] %}<tool_call>{"name": "{{ call.function.name }}", "arguments": '
    "{{ call.function.arguments | tojson }}}</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return random_snapshot(tmp_path_factory.mktemp("random"))


def tools(snapshot: Snapshot, claim: Claim) -> GraphTools:
    found = GraphTools(ToyFacts(), snapshot, 5)
    found.reset(claim.subject, str(claim.relation), claim.object, claim.cell_line, prompt=[], gene_prior=None)
    return found


def calling_tokenizer() -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TEMPLATE
    tokenizer.add_tokens(["<tool_call>", "</tool_call>", CALL])
    return tokenizer


def test_knockdowns_are_shown_out_of_the_questions_fold(snapshot: Snapshot) -> None:
    for pert in PERTS[:18]:
        claim = Claim(pert, "changes_expression_of", "G1", "toy")
        found = tools(snapshot, claim)
        names = [line.split()[0] for line in found.known_knockdowns().splitlines()]
        assert len(names) == 5
        assert all(fold(name) not in (None, fold(pert)) for name in names)
        rate = int(10 * ToyFacts().rate(claim))
        assert found.rate_of_change() == f"{min(rate, 9)} in 10"


def test_no_tool_takes_another_knockdown() -> None:
    """Asking for the neighbours of another knockdown would tell the question's own outcome."""
    for name in ("known_knockdowns", "rate_of_change"):
        assert list(inspect.signature(getattr(GraphTools, name)).parameters) == ["self"]


def test_unknown_genes_are_no_error(snapshot: Snapshot) -> None:
    found = tools(snapshot, Claim("P00", "changes_expression_of", "G1", "toy"))
    assert {found.link("X", "Y"), found.genes_between("X", GENES[0]), found.shared_terms("X", "Y")} == {"none"}
    assert found.link(GENES[0], GENES[0]) == "none"


def test_each_tool_describes_itself_to_the_model(snapshot: Snapshot) -> None:
    from transformers.utils import get_json_schema

    found = GraphTools(ToyFacts(), snapshot, 5)
    names = [name for name, _ in inspect.getmembers(GraphTools, inspect.isfunction) if not name.startswith("_")]
    for name in set(names) - {"reset"}:
        schema = get_json_schema(getattr(found, name))["function"]
        assert schema["name"] == name
        assert schema["description"]


def test_what_a_tool_said_is_read_and_not_written() -> None:
    found = [
        {"role": "assistant", "content": "", "tool_calls": [{}]},
        {"role": "tool", "name": "link", "content": "A regulates B"},
        {"role": "assistant", "content": "<think>so</think><answer>yes 7</answer>"},
    ]
    assert completion_text(found) == "<think>so</think><answer>yes 7</answer>"
    assert text_read([{"role": "user", "content": "Does A?"}], found) == "Does A?\nA regulates B"


def test_what_cannot_call_tools_is_reported_before_training(snapshot: Snapshot, tmp_path: Path) -> None:
    claims = [Claim("P00", "changes_expression_of", "G1", "toy")]
    with pytest.raises(TrainingError, match="chat template cannot call tools"):
        graph_environment(tiny_tokenizer(), ToyFacts(), snapshot, claims, 5)
    with pytest.raises(TrainingError, match="fitted expression verifier"):
        graph_environment(calling_tokenizer(), None, snapshot, claims, 5)
    with pytest.raises(TrainingError, match="knockdowns only"):
        graph_environment(calling_tokenizer(), ToyFacts(), snapshot, [Claim("A", "regulates", "B")], 5)


def calling_model(folder: Path, snapshot: Snapshot) -> Path:
    """A tiny model that was trained to call known_knockdowns and then to answer."""
    import torch

    tokenizer = calling_tokenizer()
    model = tiny_model(tokenizer)
    made = GraphTools(ToyFacts(), snapshot, 4)
    methods = [made.genes_between, made.known_knockdowns, made.link, made.rate_of_change, made.shared_terms]
    call = {"type": "function", "function": {"name": "known_knockdowns", "arguments": {}}}
    rows = []
    questions = toy_questions().select(split="train").limit(48)
    for number, (claim, messages) in enumerate(zip(questions.claims(), questions.prompts("closed"), strict=True)):
        made.reset(claim.subject, str(claim.relation), claim.object, claim.cell_line)
        said = [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": made.known_knockdowns()},
            {"role": "assistant", "content": f"<think>1.</think><answer>{('yes', 'no')[number % 2]} 7</answer>"},
        ]
        rows.append(tokenizer.apply_chat_template([*messages, *said], tools=methods, tokenize=False).strip())
    batch = tokenizer(rows, return_tensors="pt", padding=True, add_special_tokens=False)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(0)
    for _ in range(60):
        chosen = torch.randperm(len(rows))[:12]
        labels = ids[chosen].masked_fill(mask[chosen] == 0, -100)
        model(input_ids=ids[chosen], attention_mask=mask[chosen], labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_policy_that_asks_the_graph_is_trained(snapshot: Snapshot, tmp_path: Path) -> None:
    model = calling_model(tmp_path / "tiny", snapshot)
    recipe = small_recipe(
        model,
        **{"questions.prompt": "tools", "warmup.examples": 0, "grpo.steps": 2, "grpo.max_tokens": 120,
           "grpo.temperature": 0.5},
    )  # fmt: skip
    result = run_small(tmp_path / "work", recipe, snapshot=snapshot)
    assert result["steps"] == 2
    log = (tmp_path / "work" / "runs" / "small" / "log.jsonl").read_text()
    calls = [float(part.split(",")[0].strip(" :}")) for part in log.split('"tools/call_frequency"')[1:]]
    assert len(calls) == 2
    assert max(calls) > 0
    files = sorted((tmp_path / "work" / "runs" / "small" / "rollouts").glob("*.parquet"))
    rows = pl.concat([pl.read_parquet(file) for file in files])
    assert rows["prompt"].str.contains(r"P\d\d (yes|no)").any()  # what a tool said was read
    answered = rows.filter(pl.col("answer").is_not_null())
    assert len(answered) > 0
    assert not rows["completion"].str.contains("tool_call").all()
    assert np.isfinite(answered["reward"].to_numpy()).all()
