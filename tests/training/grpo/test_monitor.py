"""While a policy trains: alarms are shown and recorded and can stop it, and numbers that are not finite end it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import TrainingError
from rbio_kg.training.models.adapters import stage_saved
from rbio_kg.training.runs.eta import spoken, time_left
from rbio_kg.training.runs.run_folder import read_run
from tests.support.small_run import run_small, small_model, small_recipe

# The tiny model's entropy is above 100 nats never, and below it always: the alarm is raised once the window is full.
ALARMED = {
    "evaluation.vote_rows": 0, "evaluation.rows": 8, "grpo.save_every": 100, "alarms.window": 2,
    "alarms.entropy": 100.0, "alarms.yes_drift": 0.0, "alarms.zero_spread": 0.0, "alarms.length_drift": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("models") / "tiny")


def log(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "runs/small/log.jsonl").read_text().splitlines()]


def test_an_alarm_is_shown_and_recorded_and_stops_when_asked(model: Path, tmp_path: Path) -> None:
    shown: list[str] = []
    options = {"progress": lambda message, share: shown.append(message)}
    recipe = small_recipe(model, **ALARMED)
    with pytest.raises(TrainingError, match="stopped by an alarm at step 2 of 4: entropy is") as caught:
        run_small(tmp_path, recipe, stop_on_alarm=True, **options)
    assert "rbio-kg train policy --resume --name small" in caught.value.hint
    folder = tmp_path / "runs" / "small"
    manifest = read_run(folder)
    assert manifest.status == "stopped"
    (alarm,) = manifest.alarms
    assert (alarm["name"], alarm["step"], alarm["threshold"]) == ("entropy", 2, 100.0)
    assert [line["name"] for line in log(tmp_path) if line["phase"] == "alarm"] == ["entropy"]
    assert any(line.startswith("ALARM (entropy): entropy is") for line in shown)
    assert (folder / "checkpoints" / "grpo" / "checkpoint-2").is_dir()
    assert not stage_saved(folder / "model", "grpo")
    # Without the flag it goes on from there; the alarm still holds, so it is no new one.
    document = run_small(tmp_path, recipe, resume=True, **options)
    assert document["resumed_from"] == {"stage": "grpo", "step": 2}
    assert document["alarms"] == [dict(alarm)]
    assert [line["step"] for line in log(tmp_path) if line["phase"] == "grpo"] == [1, 2, 3, 4]
    assert read_run(folder).status == "finished"
    card = (folder / "model" / "grpo" / "README.md").read_text()
    assert "Alarm at GRPO step 2: entropy is" in card


def test_progress_shows_steps_reward_parts_and_time_left(model: Path, tmp_path: Path) -> None:
    shown: list[tuple[str, float | None]] = []
    changes = {"evaluation.vote_rows": 0, "evaluation.rows": 8, "alarms.held_out_every": 2}
    run_small(tmp_path, small_recipe(model, **changes), progress=lambda *said: shown.append(said))
    steps = [(message, share) for message, share in shown if message.startswith("GRPO step")]
    assert [share for _, share in steps] == [0.25, 0.5, 0.75, 1.0]
    assert "mean reward 0." in steps[0][0]
    for part in ("table", "answer", "format"):
        assert f"{part} " in steps[0][0]
    assert steps[0][0].endswith(" s left")
    assert not steps[-1][0].endswith("left")
    assert any(message.startswith("SFT step 1 of 6") and message.endswith("left") for message, _ in shown)
    held_out = [line for line in log(tmp_path) if line["phase"] == "held_out"]
    assert [line["step"] for line in held_out] == [0, 2, 4]
    assert all(line["held_out/log_likelihood"] < 0 and 0 <= line["held_out/pair_accuracy"] <= 1 for line in held_out)
    for line in log(tmp_path):
        if line["phase"] == "grpo":
            assert 0 <= line["verifiers_mean"] <= 1
            said = line["answered_yes"] + line["answered_no"]
            assert line["yes_share"] == (pytest.approx(line["answered_yes"] / said) if said else None)
            assert said == pytest.approx(1 - line["unparsed"])


def test_a_gradient_that_is_not_finite_stops_before_it_spoils_the_weights(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from trl import GRPOTrainer

    plain = GRPOTrainer.compute_loss

    def spoiled(self: Any, *arguments: Any, **options: Any) -> Any:
        loss = plain(self, *arguments, **options)
        return loss * float("nan") if self.state.global_step == 2 else loss

    monkeypatch.setattr(GRPOTrainer, "compute_loss", spoiled)
    recipe = small_recipe(model, **{"evaluation.vote_rows": 0, "evaluation.rows": 8})
    with pytest.raises(TrainingError, match=r"a gradient is not finite at step 3.*lower grpo.learning_rate"):
        run_small(tmp_path, recipe)
    folder = tmp_path / "runs" / "small"
    assert read_run(folder).status == "failed"
    state = torch.load(folder / "checkpoints/grpo/checkpoint-2/optimizer.pt", weights_only=True)
    assert all(bool(torch.isfinite(value["exp_avg"]).all()) for value in state["state"].values())
    # Without the fault the run goes on: nothing was lost.
    monkeypatch.setattr(GRPOTrainer, "compute_loss", plain)
    assert run_small(tmp_path, recipe, resume=True)["resumed_from"] == {"stage": "grpo", "step": 2}


def test_times_for_people() -> None:
    assert [spoken(seconds) for seconds in (3.2, 89, 600, 11_100)] == ["3 s", "89 s", "10 min", "3 h 05 min"]
    assert time_left(0.0, 0, 5) == time_left(0.0, 5, 0) == ""
