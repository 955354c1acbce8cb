"""The quick start: the sample's graph and its verifiers, then one explained claim; no language model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from rbio_kg.core.errors import ModelError
from rbio_kg.services.demo import QuickStart, check_demo
from tests.support.commands import invoke


def test_every_claim_verifier_speaks_about_the_claim(tmp_path: Path) -> None:
    document: dict[str, Any] = invoke(tmp_path / "first", "quickstart")
    assert {"build", "verifiers", "explained"} <= set(document)
    assert set(document["verifiers"]) == {"graph_path", "link_predictor", "expression"}
    scored = {item["verifier"] for item in document["explained"]["verdicts"] if item["status"] == "ok"}
    assert scored == {"graph_path", "link_predictor", "expression", "experiment"}
    assert document["simulated"] is document["explained"]["simulated"] is True
    assert QuickStart.from_json(document).to_json() == document
    again = invoke(tmp_path / "first", "quickstart")
    assert all(fit["reused"] for fit in again["verifiers"].values())


def test_the_demonstration_asks_for_its_model_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="quickstart"):
        check_demo("smollm2")
    check_demo("some/model")
