"""Cost of the reward per completion, part by part, compared with a GRPO step; fuzzing and the search for exploits.

    python -m benchmarks.policy.rewards --workspace workspace [--step-seconds 15] [--fuzz 100000] [--search 5000]
        [--json]

All six verifiers of a workspace (fitted before) score completions of the length that a small model writes: true
sentences about random pairs of genes, the same with mistakes, and malformed ones. A GRPO step scores `--batch`
completions of `--prompts` questions at once. Times are CPU seconds of this process, so that a busy machine does not
count; each batch is new, so that no score is cached. `scored separately` is the alternative to sharing: each of the
trainer's functions (the reward, and one for each part) asks the verifiers itself.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from itertools import islice
from typing import Any

import numpy as np

from rbio_kg.core.claims import Claim
from rbio_kg.training.exploits.mutations import fuzzed
from rbio_kg.training.exploits.reference import calibrated_scenario
from rbio_kg.training.exploits.search import search_exploits
from rbio_kg.training.exploits.suite import ExploitHarness
from rbio_kg.training.rewards.cache import cache_of
from rbio_kg.training.rewards.composed import ComposedReward
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.workspace import Workspace

WEIGHTS = {
    "graph_path": 0.2,
    "link_predictor": 0.2,
    "expression": 0.6,
    "experiment": 0.1,
    "ontology_text": 1.0,
    "reasoning_trace": 1.0,
}
Work = list[tuple[list[Claim], list[str], list[str]]]


def batches(workspace: Workspace, rounds: int, prompts: int, batch: int, seed: int) -> Work:
    """New claims, completions and prompts for every round; another seed gives others."""
    rng = np.random.default_rng(seed)
    drawn = workspace.questions("train", cell_line="k562", task="de").limit(rounds * prompts, seed=seed).claims()
    scenarios = [calibrated_scenario(claim, 0.2, workspace.snapshot) for claim in drawn]
    made = []
    for first in range(0, len(scenarios), prompts):
        group = scenarios[first : first + prompts]
        claims, texts, questions = [], [], []
        for scenario in group:
            mutants = [text for _, text in fuzzed([scenario], batch // prompts, seed=seed)]
            for i, mutant in enumerate(mutants):
                facts = [str(fact) for fact in (*scenario.facts, *scenario.known)]
                rng.shuffle(facts)
                claims.append(scenario.claim)
                reference = scenario.completion(" ".join(facts[: 1 + i % 4]), f"no {1 + i % 9}")
                texts.append(mutant if i % 4 == 3 else reference)
                questions.append(scenario.prompt)
        made.append((claims, texts, questions))
    return made


def seconds(members: dict[str, tuple[Verifier, float]], work: Work, times: int = 1) -> list[float]:
    """CPU seconds of each batch, scored repeatedly by verifiers that have not cached it."""
    found = []
    for claims, texts, prompts in work:
        start = time.process_time()
        for _ in range(times):
            for verifier, _ in members.values():
                cache_of(verifier).clear()
            ComposedReward(members).score_completions(claims, texts, prompts=prompts)
        found.append(time.process_time() - start)
    return found


def costs(workspace: Workspace, options: argparse.Namespace) -> dict[str, Any]:
    """The document's rows on speed."""
    members = {name: (workspace.verifier(name), weight) for name, weight in WEIGHTS.items()}
    base = "graph_path"
    sets = {base: {base: members[base]}}
    sets |= {name: {base: members[base], name: pair} for name, pair in members.items() if name != base}
    sets |= {"all six": members, "all six, scored separately": members}
    rows = {}
    for seed, (name, chosen) in enumerate(sets.items()):
        # Verifiers remember genes and sentences of their own: each row has new ones.
        work = batches(workspace, options.rounds, options.prompts, options.batch, seed)
        times = seconds(chosen, work, len(ComposedReward(members).functions) if "separately" in name else 1)
        median = statistics.median(times[1:])
        rows[name] = {"first_batch": times[0], "batch": median, "milliseconds": 1000 * median / options.batch}
    return rows


def fuzz(workspace: Workspace, count: int) -> dict[str, Any]:
    """A number of odd completions, in batches of 100."""
    claims = workspace.questions("train", cell_line="k562", task="de").limit(50, seed=1).claims()
    harness = ExploitHarness(workspace.reward(WEIGHTS), claims, workspace.snapshot)
    start, answered, longest = time.process_time(), 0, 0
    items = iter(fuzzed(harness.scenarios, count))
    while batch := list(islice(items, 100)):
        for item in harness.score([text for _, text in batch], [row for row, _ in batch]):
            if item.reward is None or not 0.0 <= item.reward <= 1.0:
                raise SystemExit(f"reward {item.reward}: {item.text!r}")
            answered += item.answer is not None
            longest = max(longest, len(item.text))
    return {
        "completions": count,
        "answered": answered,
        "longest": longest,
        "cpu_seconds": time.process_time() - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def search(workspace: Workspace, steps: int, seeds: int) -> list[dict[str, Any]]:
    """The search for exploits, with several seeds."""
    claims = workspace.questions("train", cell_line="k562", task="de").limit(40, seed=2).claims()
    found = []
    for seed in range(seeds):
        start = time.process_time()
        document = search_exploits(
            workspace.reward(WEIGHTS), claims, snapshot=workspace.snapshot, steps=steps, seed=seed
        )
        found.append({**document, "cpu_seconds": time.process_time() - start})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", required=True, help="with fitted verifiers")
    parser.add_argument("--batch", type=int, default=16, help="completions scored at once")
    parser.add_argument("--prompts", type=int, default=4, help="different questions among them")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--step-seconds", type=float, help="CPU seconds of a GRPO step, to compare with")
    parser.add_argument("--fuzz", type=int, default=0, help="odd completions to score")
    parser.add_argument("--search", type=int, default=0, help="steps of the search for exploits, a seed")
    parser.add_argument("--seeds", type=int, default=3, help="of the search")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    document: dict[str, Any] = {"batch": options.batch, "prompts": options.prompts, "rounds": options.rounds}
    document["rewards"] = costs(workspace, options)
    if options.step_seconds:
        document["share_of_step"] = document["rewards"]["all six"]["batch"] / options.step_seconds
    if options.fuzz:
        document["fuzz"] = fuzz(workspace, options.fuzz)
    if options.search:
        document["search"] = search(workspace, options.search, options.seeds)
    if options.json:
        print(json.dumps(document))
        return
    print(f"{'CPU seconds':<22}{'first batch':>13}{'batch':>10}{'ms a completion':>18}")
    for name, row in document["rewards"].items():
        print(f"{name:<22}{row['first_batch']:>13.3f}{row['batch']:>10.4f}{row['milliseconds']:>18.2f}")
    if options.step_seconds:
        print(f"share of a step: {document['share_of_step']:.2%}")
    for name in ("fuzz", "search"):
        for row in [document[name]] if name == "fuzz" and name in document else document.get(name, []):
            print(name, {key: len(value) if key == "found" else value for key, value in row.items()})


if __name__ == "__main__":
    main()
