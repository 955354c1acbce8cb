"""One workspace object sees every new state: build, fit, fit again, build again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import rbio_kg
from rbio_kg.core.errors import VerifierError
from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.services.fit import FitResult


def test_a_workspace_sees_what_it_builds_and_fits(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(sample_directory(), sources)
    with rbio_kg.Workspace(tmp_path / "workspace", min_score=700) as workspace:
        first = workspace.build(sources=sources)
        assert workspace.manifest.build_id == first.build_id
        claims = workspace.questions("train", task="de", limit=20).claims()
        texts = ["<think></think><answer>yes 9</answer>"] * len(claims)
        raw = workspace.verifier("graph_path").score(claims)
        tables, snapshot = workspace.tables, workspace.snapshot
        assert workspace.tables is tables
        reward = workspace.reward({"graph_path": 1.0})
        before = reward.score_completions(claims, texts)

        workspace.fit("graph_path", seed=1)
        fitted = workspace.verifier("graph_path").score(claims)
        assert not np.array_equal(raw, fitted)
        assert workspace.verifier("graph_path") is workspace.verifier("graph_path")
        assert workspace.tables is tables
        after = workspace.reward({"graph_path": 1.0}).score_completions(claims, texts)
        assert [item.v for item in before] != [item.v for item in after]

        verifier = workspace.verifier("graph_path")
        workspace.fit("graph_path", seed=2)
        assert workspace.verifier("graph_path") is not verifier

        again = rbio_kg.Workspace(tmp_path / "workspace", min_score=900).build()
        assert again.build_id != first.build_id
        assert workspace.manifest.build_id == again.build_id
        assert workspace.snapshot is not snapshot
        assert workspace.store.build_id() == again.build_id
        assert workspace.tables is not tables


def test_a_fit_is_named_and_reads_back(fitted: tuple[Path, object]) -> None:
    with rbio_kg.Workspace(fitted[0]) as workspace:
        result = workspace.fit("graph_path", name="another")
        assert result.model == "another"
        assert workspace.model_folder("another").is_dir()
        assert FitResult.from_json(result.to_json()) == result
        with pytest.raises(VerifierError, match="known: graph_path, link_predictor, expression"):
            workspace.fit("ontology_text")
        with pytest.raises(VerifierError, match="has no epochs"):
            workspace.fit("graph_path", epochs=3)
