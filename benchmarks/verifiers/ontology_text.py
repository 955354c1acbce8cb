"""How well each variant of ontology_text separates rationales written from evidence from exchanged ones, and its speed.

    python -m benchmarks.verifiers.ontology_text --workspace DIR [--model smollm2] [--claims 60] [--seed 0] [--json]

Claims are drawn from the train questions on changes in the first cell line. An exchanged rationale says of a claim's
genes what holds for those of another (`rbio_kg.training.exploits.swapped`). AUROC: reference against exchanged texts,
with a bootstrap interval over claims. Pairs: share of the claims whose reference text scores higher; a tie counts half.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from rbio_kg.services.scorecards import first_line
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.exploits.swapped import KINDS, rationale_texts
from rbio_kg.training.models.loading import prepare_model
from rbio_kg.verifiers.stats.metrics import auroc
from rbio_kg.verifiers.text.ontology_text import VARIANTS, OntologyTextVerifier
from rbio_kg.workspace import Workspace

DRAWS = 1000


def separation(reference: np.ndarray, exchanged: np.ndarray, seed: int) -> dict[str, Any]:
    """Figures of one variant, from the scores of each claim's two texts."""
    labels, rng = np.repeat([1, 0], len(reference)), np.random.default_rng(seed)
    rows = rng.integers(0, len(reference), (DRAWS, len(reference)))
    drawn = [auroc(labels, np.concatenate((reference[row], exchanged[row]))) for row in rows]
    return {
        "reference": float(reference.mean()),
        "exchanged": float(exchanged.mean()),
        "auroc": auroc(labels, np.concatenate((reference, exchanged))),
        "interval": np.quantile(drawn, (0.025, 0.975)).tolist(),
        "pairs": float(((reference > exchanged) + 0.5 * (reference == exchanged)).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--model", default="smollm2", help="of the likelihood variant")
    parser.add_argument("--claims", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Workspace(options.workspace) as workspace:
        model = prepare_model(options.model, workspace.paths.models, lambda message, share: None)
        rows = first_line(workspace, workspace.tables["questions"].filter(split="train", task="de"))
        drawn = np.random.default_rng(options.seed).permutation(len(rows))[: options.claims]
        claims = QuestionSet(rows[drawn.tolist()]).claims()
        texts = rationale_texts(claims, workspace.snapshot)
        folder = workspace.snapshot_folder
    document: dict[str, Any] = {}
    for variant in VARIANTS:
        verifier = OntologyTextVerifier(folder, variant, model=model if variant == "likelihood" else None)
        verifier.score(claims[:1], texts[KINDS[0]][:1])
        started = time.process_time()
        reference, exchanged = (verifier.score(claims, texts[kind]) for kind in (KINDS[0], "exchanged"))
        seconds = time.process_time() - started
        scored = ~np.isnan(reference)
        found = separation(reference[scored], exchanged[scored], options.seed)
        document[variant] = {"claims": int(scored.sum()), **found, "texts_per_second": 2 * len(claims) / seconds}
    if options.json:
        print(json.dumps(document, allow_nan=False))
        return
    print("| variant | claims | reference | exchanged | AUROC | pairs | texts per second |\n|" + " --- |" * 7)
    for variant, row in document.items():
        low, high = row["interval"]
        print(
            f"| `{variant}` | {row['claims']} | {row['reference']:.3f} | {row['exchanged']:.3f} | {row['auroc']:.3f} "
            f"[{low:.3f}, {high:.3f}] | {row['pairs']:.2f} | {row['texts_per_second']:,.1f} |"
        )


if __name__ == "__main__":
    main()
