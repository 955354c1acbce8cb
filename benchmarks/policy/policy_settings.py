"""Which facts to show and how to reward: small policies compared on held-out train questions.

    python -m benchmarks.policy.policy_settings facts --workspace DIR
    python -m benchmarks.policy.policy_settings rewards --workspace DIR [--seeds 0 1 2] [--set grpo.beta=0]
    python -m benchmarks.policy.policy_settings grpo --workspace DIR

No test row is read (see `benchmarks.policy.policy_trials`).

- `facts` runs SFT on each choice of facts.
- `rewards` runs SFT once per seed, and from that model GRPO with each reward. The name of a row says in what it differs
  from the first, the shipped one (Brier rule, rewards not scaled, questions in pairs of one gene).
- `grpo` does the same with the trainer's settings, at equal numbers of completions.

`--set` changes a setting of the recipe for all rows. Columns: yes against no; `stated_`, the probability that the
policy states over its answers and digits without reasoning; `written_`, the probability that sampled completions
state after their reasoning. `gap` is the root of the mean squared distance from the reward's v. A proper
scoring rule rewards a smaller gap, and labels add no noise to it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markdown import print_table
from benchmarks.policy.policy_trials import Trials, report
from rbio_kg.core.progress import silent
from rbio_kg.training.grpo.trainer import run_grpo
from rbio_kg.training.models.adapters import load_stages, merged
from rbio_kg.training.models.decoding import Likelihood
from rbio_kg.training.models.types import LanguageModel
from rbio_kg.training.runs.context import TrainingContext
from rbio_kg.training.runs.distributed import Processes
from rbio_kg.workspace import Workspace

Ways = Mapping[str, dict[str, Any]]
WITH_NEIGHBOURS = ["rate", "estimate", "neighbours", "link"]
FACTS: dict[str, dict[str, Any]] = {
    "rate, estimate, neighbours, link": {"questions.facts": WITH_NEIGHBOURS},
    "without the estimate": {"questions.facts": ["rate", "neighbours", "link"]},
    "without neighbours": {"questions.facts": ["rate", "estimate", "link"]},
    "without neighbours and link": {"questions.facts": ["rate", "estimate"]},
    "with the neighbours' names": {"questions.facts": ["rate", "estimate", "neighbours", "names", "link"]},
    "with two_step and terms": {"questions.facts": [*WITH_NEIGHBOURS, "two_step", "terms"]},
    "other genes' names": {"questions.facts": WITH_NEIGHBOURS, "questions.shuffle_names": True},
    "closed book": {"questions.prompt": "closed"},
}
"""Each is compared with the first; `without neighbours` is the default."""
REWARDS: dict[str, dict[str, Any]] = {
    "brier": {},
    "brier, scaled by the group": {"grpo.scale_rewards": "group"},
    "brier, relative to the gene's base rate": {"reward.relative_to": "gene_prior"},
    "brier, not in pairs": {"questions.paired": False},
    "brier, a tenth for the share of yes": {"reward.share_weight": 0.1},
    "brier, a quarter for the share of yes": {"reward.share_weight": 0.25},
    "brier, half for the share of yes": {"reward.share_weight": 0.5},
    "linear, the answer alone": {"reward.scoring": "linear"},
    "linear, scaled by the group": {"reward.scoring": "linear", "grpo.scale_rewards": "group"},
}
GRPO: dict[str, dict[str, Any]] = {
    "5e-4, 4 questions x 8": {},
    "2e-4, 4 questions x 8": {"grpo.learning_rate": 2e-4},
    "1e-3, 4 questions x 8": {"grpo.learning_rate": 1e-3},
    "5e-4, 8 questions x 4": {"grpo.prompts": 8, "grpo.generations": 4},
    "5e-4, 4 questions x 4, twice the steps": {"grpo.generations": 4, "grpo.steps": 24},
}
WAYS = {"facts": FACTS, "rewards": REWARDS, "grpo": GRPO}
# Half of the pairs write reasoning: GRPO's completions must be well-formed after a short SFT.
SHORT = {"warmup.examples": 800, "warmup.think_share": 0.5, "grpo.max_tokens": 56, "grpo.questions": 640}
SHARED: dict[str, dict[str, Any]] = {
    "facts": {"warmup.examples": 1200},
    "rewards": {**SHORT, "grpo.steps": 16},
    "grpo": {**SHORT, "grpo.generations": 8, "grpo.steps": 12},
}
"""Changes of the default recipe in all trials of a table."""


def compare_facts(trials: Trials, ways: Ways, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """One policy after SFT per choice of facts, each compared with the first of its seed."""
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        first: Likelihood | None = None
        for name, changes in ways.items():
            started = time.monotonic()
            plan = trials.plan(trials.config(seed, changes))
            with tempfile.TemporaryDirectory() as folder:
                row, read = trials.evaluated(trials.after_sft(plan, Path(folder)), plan, first)
            rows.append({"name": name, "seed": seed, **row})
            if first is None:
                first = read
                rows.append({"name": "the reward's v", "seed": seed, **trials.verifiers_row(plan)})
            report(f"seed {seed}, {name}, {time.monotonic() - started:.0f} s: {row}")
    return rows


def compare_grpo(trials: Trials, ways: Ways, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """One policy after SFT per seed, and from each of them GRPO in every way of the table."""
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        default = trials.plan(trials.config(seed, {}))
        with tempfile.TemporaryDirectory() as folder:
            warm = Path(folder) / "model"
            row, before = trials.evaluated(trials.after_sft(default, warm), default)
            rows.append({"name": "after SFT", "seed": seed, **row})
            rows.append({"name": "the reward's v", "seed": seed, **trials.verifiers_row(default)})
            report(f"seed {seed}, SFT: {rows[-2:]}")
            for number, (name, changes) in enumerate(ways.items()):
                started = time.monotonic()
                plan = trials.plan(trials.config(seed, changes))
                run = trials.run(Path(folder) / f"run-{number}")
                start = load_stages(trials.base, warm, "lora", "auto", "warmup")
                dataset = plan.grpo_rows.to_dataset("open")
                context = TrainingContext(run, plan.config, trials.reward(plan.config), Processes(), silent)
                trained = run_grpo(context, start, dataset)
                model = LanguageModel(merged(trained.model), start.tokenizer, start.path)
                row, _ = trials.evaluated(model, default, before)
                steps = [line for line in run.logged() if line.get("phase") == "grpo"][-5:]
                for key in ("frac_reward_zero_std", "entropy"):
                    row[key] = float(np.mean([line[key] for line in steps]))
                rows.append({"name": name, "seed": seed, **row, "seconds": round(time.monotonic() - started)})
                report(f"seed {seed}, {name}: {rows[-1]}")
    return rows


def setting(text: str) -> tuple[str, Any]:
    """A dotted setting and its value, written as in TOML; text needs no quotes."""
    key, _, value = text.partition("=")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


FIGURES = ("per_gene_auroc", "difference", "brier", "ece", "mean", "certain", "gap")
COLUMNS = ("name", "seed", *FIGURES, *(f"stated_{name}" for name in FIGURES))
MORE = (
    "written_gap",
    "written_mean",
    "written_yes",
    "unparsed",
    "frac_reward_zero_std",
    "entropy",
    "tokens",
    "seconds",
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("table", choices=WAYS)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--set", type=setting, action="append", default=[], help="KEY=VALUE, as in a recipe")
    parser.add_argument("--rows", type=int, default=768, help="held-out questions, about")
    parser.add_argument("--per-gene", type=int, default=12, help="of them of one gene, at most")
    parser.add_argument("--only", nargs="+", help="some rows of the table, by name")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--split-seed", type=int, default=0, help="draws the held-out genes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    shared = SHARED[options.table] | dict(options.set)
    trials = Trials(
        Workspace(options.workspace), shared, rows=options.rows, per_gene=options.per_gene, seed=options.split_seed
    )
    ways = {name: way for name, way in WAYS[options.table].items() if not options.only or name in options.only}
    rows = (compare_facts if options.table == "facts" else compare_grpo)(trials, ways, options.seeds)
    columns = [name for name in (*COLUMNS, *MORE) if any(row.get(name) is not None for row in rows)]
    print_table(columns, rows, as_json=options.json)


if __name__ == "__main__":
    main()
