"""The warm-up on a tiny model: it learns the format and the probabilities, stops cleanly and goes on exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.core.progress import silent
from rbio_kg.training.config.recipe import WarmupSettings
from rbio_kg.training.models.answer_tokens import AnswerTokens
from rbio_kg.training.models.decoding import Sampling, likelihood, sample
from rbio_kg.training.models.lora import add_lora
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.prompts.messages import prompt_text
from rbio_kg.training.prompts.parser import parse_completion
from rbio_kg.training.sft.examples import SftExample, encode_example
from rbio_kg.training.sft.trainer import loss_sums, run_sft
from tests.support.tiny_model import tiny_model, tiny_tokenizer

pytestmark = pytest.mark.precision

TOKENIZER = tiny_tokenizer()


def prompt(word: str) -> str:
    return prompt_text(TOKENIZER, [{"role": "user", "content": f"link {word}"}])


def examples(n: int) -> list[SftExample]:
    """`link yes` is probably right, `link no` probably wrong; every other pair reasons first."""
    made = []
    for i in range(n):
        likely = i % 2 == 0
        think = "1." if i // 2 % 2 == 0 else ""
        made.append(SftExample(prompt("yes" if likely else "no"), think, 0.9 if likely else 0.1))
    return made


def settings(**changes: Any) -> WarmupSettings:
    return WarmupSettings(**{"batch_size": 8, "learning_rate": 2e-2, "rank": 8, "top_layers": None, **changes})


def trained(n: int, checkpoint: Path | None = None, **options: Any) -> tuple[Any, Any]:
    model = add_lora(tiny_model(TOKENIZER), rank=8, top_layers=None, seed=0)
    options = {"progress": silent, **options}
    history, _ = run_sft(
        LanguageModel(model, TOKENIZER, "tiny"), examples(n), settings(), seed=0, checkpoint=checkpoint, **options
    )
    return model, history


def fully_trained(n: int) -> tuple[Any, Any]:
    """All weights are trained: a random model has nothing that an adapter could use."""
    model = tiny_model(TOKENIZER)
    history, _ = run_sft(
        LanguageModel(model, TOKENIZER, "tiny"),
        examples(n),
        settings(learning_rate=1e-2, text_weight=2.0),
        seed=0,
        progress=silent,
    )
    return model, history


def weights(model: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def test_it_moves_the_adapter_only() -> None:
    import torch

    model = add_lora(tiny_model(TOKENIZER), rank=8, top_layers=None, seed=0)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    history, resumed = run_sft(
        LanguageModel(model, TOKENIZER, "tiny"), examples(24), settings(), seed=0, progress=silent
    )
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    assert resumed == 0
    assert [line["step"] for line in history.lines()] == [1, 2, 3]


def test_it_learns_the_format_and_the_probabilities() -> None:
    model, history = fully_trained(480)
    report = history.to_json()
    assert report["steps"] == 60
    for loss in ("answer_loss", "digit_loss", "text_loss"):
        assert report[loss]["last"] < 0.7 * report[loss]["first"]
    language_model = LanguageModel(model, TOKENIZER, "tiny")
    read = likelihood(language_model, [prompt("yes"), prompt("no")], progress=silent)
    assert read.probability[0] == pytest.approx(0.9, abs=0.15)
    assert read.probability[1] == pytest.approx(0.1, abs=0.15)
    assert read.mass.min() > 0.9
    texts = sample(language_model, [prompt("yes")], Sampling(16, 30, seed=1), progress=silent)[0]
    parsed = [parse_completion(text, require_confidence=True) for text in texts]
    assert np.mean([item.problem is None for item in parsed]) > 0.7


def test_the_losses_are_what_they_say() -> None:
    """Against the logits of the complete model, one example at a time and without padding."""
    import torch

    model = tiny_model(TOKENIZER).eval()
    tokens = AnswerTokens(TOKENIZER)
    rng = np.random.default_rng(0)
    batch = [
        encode_example(example, tokens, rng)
        for example in (SftExample(prompt("yes"), "1.", 0.7), SftExample(prompt("no"), "", 0.2))
    ]
    found = {name: float(value.detach()) for name, value in loss_sums(model, tokens, batch).items()}
    answer, digit, text = [], [], []
    for item in batch:
        with torch.no_grad():
            table = model(torch.tensor([item.ids])).logits[0].log_softmax(-1)
        answer.append(-(item.q * table[item.answer_at, tokens.yes] + (1 - item.q) * table[item.answer_at, tokens.no]))
        digit.append(-sum(p * table[item.digit_at, t] for p, t in zip(item.digits, tokens.digits, strict=True)))
        text += [-table[at, item.ids[at + 1]] for at in item.text_at]
    for name, values in (("answer", answer), ("digit", digit), ("text", text)):
        assert found[name] == pytest.approx(sum(float(value) for value in values), abs=1e-3)


def test_interrupted_sft_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    import torch

    uninterrupted, history = trained(80)

    def interrupt(message: str, share: float | None) -> None:
        if share is not None and share >= 0.5:
            raise KeyboardInterrupt

    file = tmp_path / "warmup.pt"
    with pytest.raises(KeyboardInterrupt):
        trained(80, file, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["warmup.pt"]
    model = add_lora(tiny_model(TOKENIZER), rank=8, top_layers=None, seed=0)
    start = LanguageModel(model, TOKENIZER, "tiny")
    again, resumed = run_sft(start, examples(80), settings(), seed=0, checkpoint=file, resume=True, progress=silent)
    assert resumed == 5
    assert again.answer == history.answer
    wanted = weights(uninterrupted)
    assert all(torch.equal(value, wanted[name]) for name, value in weights(model).items())


@pytest.mark.parametrize("spoil", ["cut", "other"])
def test_a_useless_checkpoint_is_one_clear_error(tmp_path: Path, spoil: str) -> None:
    file = tmp_path / "warmup.pt"
    trained(16, file)
    if spoil == "cut":
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(TrainingError, match="corrupt" if spoil == "cut" else "other examples"):
        trained(16 if spoil == "cut" else 24, file, resume=True)


def test_too_few_lessons_are_said() -> None:
    with pytest.raises(TrainingError, match="3 examples are fewer than one batch of 8"):
        trained(3)


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    import torch

    model = add_lora(tiny_model(TOKENIZER), rank=8, top_layers=None, seed=0)
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"loss is not finite at step 1.*learning_rate"):
        run_sft(LanguageModel(model, TOKENIZER, "tiny"), examples(8), settings(), seed=0, progress=silent)


def test_dropout_is_the_same_after_a_resumption_and_the_global_random_state_is_left_alone(tmp_path: Path) -> None:
    import torch

    def start() -> LanguageModel:
        model = add_lora(tiny_model(TOKENIZER), rank=8, top_layers=None, seed=0)
        for module in model.modules():
            if hasattr(module, "attention_dropout"):
                module.attention_dropout = 0.3
        return LanguageModel(model, TOKENIZER, "tiny")

    def interrupt(message: str, share: float | None) -> None:
        if share is not None and share >= 0.5:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"seed": 0, "checkpoint": tmp_path / "sft.pt", "resume": True}
    first, second = start(), start()
    state = torch.get_rng_state()
    run_sft(first, examples(32), settings(), seed=0, progress=silent)
    assert torch.equal(state, torch.get_rng_state())
    with pytest.raises(KeyboardInterrupt):
        run_sft(second, examples(32), settings(), progress=interrupt, **options)
    second = start()
    torch.rand(5)  # another global state
    assert run_sft(second, examples(32), settings(), progress=silent, **options)[1] == 2
    found, wanted = weights(second.model), weights(first.model)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_adapters_are_drawn_from_the_seed_and_leave_the_global_random_state_alone() -> None:
    import torch

    model = tiny_model(TOKENIZER)
    state = torch.get_rng_state()
    first = weights(add_lora(model, rank=2, top_layers=None, seed=0))
    assert torch.equal(state, torch.get_rng_state())
    again, other = (weights(add_lora(tiny_model(TOKENIZER), rank=2, top_layers=None, seed=seed)) for seed in (0, 1))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_only_the_last_layers_are_adapted() -> None:
    model = add_lora(tiny_model(TOKENIZER, layers=3), rank=2, top_layers=1, seed=0)
    assert {name.split("layers.")[1].split(".")[0] for name in weights(model)} == {"2"}
