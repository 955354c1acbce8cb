"""The expression benchmark on the sample: every column is there, and the means are the means."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.verifiers.expression import _row, means, measure
from rbio_kg.graph_builders.sample.sample import sample_directory


@pytest.mark.parametrize("split_scheme", ["official", "leave-one-line-out"])
def test_a_combination_has_the_peers_beside(split_scheme: str) -> None:
    lines = ("k562", "rpe1")
    found = [measure(sample_directory(), (line, "de", split_scheme), 0) for line in lines]
    json.dumps(found, allow_nan=False)
    for document in found:
        assert {"plain_vote", "mlp", "gene_prior", "pair_copy"} <= set(document["baselines"])
        assert document["baselines"]["gene_prior"]["per_gene_auroc"] == 0.5
        assert document["baselines"]["plain_vote"]["per_gene_auroc"] != 0.5
        assert document["claims_per_second"] > 0 and document["peak_mb"] > 0
    (mean,) = means(found)
    assert mean["per_gene_auroc"] == pytest.approx(np.mean([document["per_gene_auroc"] for document in found]))
    assert all(_row(document).count("|") == _row(mean).count("|") for document in found)
