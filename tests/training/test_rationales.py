"""True rationales and their wrong copies, judged by the verifier that reads statements."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rbio_kg.claims import Claim
from tests.verifiers.named_graph import named_snapshot
from training.rationales import KINDS, rationale_texts
from verifiers.reasoning_trace import ReasoningTraceVerifier

CLAIMS = [Claim("TP53", "changes_expression_of", "MDM2"), Claim("SP1", "changes_expression_of", "ABCE1")]


def test_copies_say_the_opposite_or_what_holds_of_others(tmp_path: Path) -> None:
    texts = rationale_texts(CLAIMS, named_snapshot(tmp_path))
    assert tuple(texts) == KINDS
    honest, negated, exchanged = (texts[kind] for kind in KINDS)
    assert "TP53 interacts with MDM2." in honest[0]
    assert "TP53 does not interact with MDM2." in negated[0]
    assert [len(text.split(".")) for text in honest] == [len(text.split(".")) for text in negated]
    assert "ABCE1 takes part in ribosome disassembly." in honest[1]
    assert "MDM2 takes part in ribosome disassembly." in exchanged[0]
    assert not {"SP1", "ABCE1"} & {sentence.split()[0] for sentence in exchanged[0].split(". ")}


def test_the_trace_verifier_tells_them_apart(tmp_path: Path) -> None:
    texts = rationale_texts(CLAIMS, named_snapshot(tmp_path))
    verifier = ReasoningTraceVerifier(tmp_path)
    honest, negated = (verifier.score(CLAIMS, texts[kind]) for kind in ("honest", "negated"))
    assert (honest > 0.5).all() and (negated < 0.5).all()
    assert not np.isnan(honest).any()
