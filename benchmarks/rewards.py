"""Seconds that the whole reward costs per completion, part by part, on a snapshot.

    python benchmarks/rewards.py --snapshot workspace/graph/builds/ID/snapshot [--json]

Prompts and completions are of the length that a small model writes: true sentences about random pairs of genes, and the
same with mistakes. A GRPO step judges `--batch` completions of `--prompts` questions at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from rbio_kg.claims import Claim
from rbio_kg.graph.snapshot import Snapshot
from training.honesty import honest_setting
from training.rewards import ComposedReward
from verifiers.graph_path import GraphPathVerifier
from verifiers.interface import Verifier
from verifiers.ontology_text import OntologyTextVerifier
from verifiers.reasoning_trace import ReasoningTraceVerifier


def batches(
    snapshot: Snapshot, rounds: int, prompts: int, batch: int
) -> list[tuple[list[Claim], list[str], list[str]]]:
    rng = np.random.default_rng(0)
    known = [gene for gene, degree in zip(snapshot.genes.keys, snapshot.annotations.degrees, strict=True) if degree]
    made = []
    for _ in range(rounds):
        claims, texts, asked = [], [], []
        for _ in range(prompts):
            subject, other = rng.choice(known, 2, replace=False)
            setting = honest_setting(Claim(str(subject), "changes_expression_of", str(other), "k562"), 0.2, snapshot)
            for i in range(batch // prompts):
                facts = list(setting.facts)
                rng.shuffle(facts)
                claims.append(setting.claim)
                texts.append(setting.completion(" ".join(facts[: 1 + i % 4]), f"no {1 + i % 9}"))
                asked.append(setting.prompt)
        made.append((claims, texts, asked))
    return made


def seconds(reward: ComposedReward, work: list[tuple[list[Claim], list[str], list[str]]]) -> list[float]:
    found = []
    for claims, texts, asked in work:
        start = time.perf_counter()
        reward.judge(claims, texts, prompts=asked)
        found.append(time.perf_counter() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=16, help="completions judged at once")
    parser.add_argument("--prompts", type=int, default=2, help="different questions among them")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--step-seconds", type=float, help="of a GRPO step, to compare with")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    claim: dict[str, tuple[Verifier, float]] = {"graph_path": (GraphPathVerifier(options.snapshot), 1.0)}
    texts: dict[str, tuple[Verifier, float]] = {
        "ontology_text": (OntologyTextVerifier(options.snapshot), 1.0),
        "reasoning_trace": (ReasoningTraceVerifier(options.snapshot), 1.0),
    }
    work = batches(Snapshot.open(options.snapshot), options.rounds, options.prompts, options.batch)
    rows = {}
    sets = {"graph_path": claim, **{name: claim | {name: pair} for name, pair in texts.items()}, "whole": claim | texts}
    for name, members in sets.items():
        times = seconds(ComposedReward(members), work)
        median = statistics.median(times[1:])
        rows[name] = {
            "first_batch_seconds": times[0],
            "batch_seconds": median,
            "completion_milliseconds": 1000 * median / options.batch,
        }
    document = {"batch": options.batch, "prompts": options.prompts, "rounds": options.rounds, "rewards": rows}
    if options.step_seconds:
        document["share_of_step"] = rows["whole"]["batch_seconds"] / options.step_seconds
    if options.json:
        print(json.dumps(document))
        return
    print(f"{'reward':<18}{'first batch s':>15}{'batch s':>10}{'ms a completion':>18}")
    for name, row in rows.items():
        figures = (
            f"{row['first_batch_seconds']:>15.3f}{row['batch_seconds']:>10.4f}{row['completion_milliseconds']:>18.2f}"
        )
        print(f"{name:<18}{figures}")
    if options.step_seconds:
        print(f"share of a step: {document['share_of_step']:.2%}")


if __name__ == "__main__":
    main()
