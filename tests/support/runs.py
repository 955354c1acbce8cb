"""A realistic run folder, made on the spot: what training writes, small enough to read at a glance."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict

STEPS = 12
ROLLOUTS = 24

_PAIRS = [
    ("MYC", "CDK4"),
    ("MED12", "TP53"),
    ("RPL5", "MDM2"),
    ("GATA1", "HBG1"),
    ("SMC3", "CCND1"),
    ("EIF2S1", "ATF4"),
]
_HELPERS = ["MAX", "EP300", "CREBBP", "SMC1A", "MED1", "RPL11", "BRD4", "CCNC"]
_TERM = ("GO:0006357", "regulation of transcription by RNA polymerase II")
_PATHWAY = ("WP179", "Cell cycle")


def _gene(symbol: str) -> Node:
    return Node("Gene", symbol)


def verdicts(claim: Claim, chance: random.Random, *, simulated: bool) -> list[Verdict]:
    """One verdict of each verifier: paths, neighbours and a checked statement cited, one abstention."""
    subject, obj = _gene(claim.subject), _gene(claim.object)
    first, second, third = chance.sample(_HELPERS, 3)
    string = {"source": "STRING", "score": chance.randint(400, 999)}
    term, pathway = Node("GoTerm", _TERM[0]), Node("Pathway", _PATHWAY[0])
    labels = {"source": "simulated labels" if simulated else "PerturbQA", "cell_line": claim.cell_line}
    path = [
        Evidence(subject, "INTERACTS_WITH", _gene(first), 0.9, 0, string),
        Evidence(_gene(first), "REGULATES", obj, 0.9, 0, {"source": "CollecTRI", "sign": -1}),
        Evidence(subject, "INTERACTS_WITH", _gene(second), 0.6, 1, string),
        Evidence(_gene(second), "INTERACTS_WITH", _gene(third), 0.6, 1, string),
        Evidence(_gene(third), "INTERACTS_WITH", obj, 0.6, 1, string),
        Evidence(subject, "ANNOTATED_WITH", term, 0.5, 2, {"source": "GO annotations", "evidence": ["IDA", "IEA"]}),
        Evidence(obj, "ANNOTATED_WITH", term, 0.5, 2, {"source": "GO annotations", "evidence": ["IMP"]}),
        Evidence(subject, "MEMBER_OF", pathway, 0.3, 3, {"source": "WikiPathways"}),
        Evidence(obj, "MEMBER_OF", pathway, 0.3, 3, {"source": "WikiPathways"}),
    ]
    neighbours = tuple(
        Evidence(_gene(helper), "KNOCKDOWN_CHANGES", obj, round(chance.uniform(0.2, 1), 2), index,
                 {**labels, "direction": "increase", "similarity": round(chance.random(), 3)})
        for index, helper in enumerate((first, _HELPERS[-1]))
    )  # fmt: skip
    return [
        Verdict(round(chance.uniform(0.3, 0.9), 3), Status.OK, tuple(path), f"via {first}, {_TERM[1]}", "graph_path"),
        Verdict(round(chance.uniform(0.1, 0.9), 3), Status.OK, (path[0],), f"shares {first}", "link_predictor"),
        Verdict(round(chance.uniform(0.05, 0.95), 3), Status.OK, neighbours,
                "knockdowns of similar genes changed it", "expression"),
        Verdict(0.75, Status.OK, tuple(path[:1]), "1 of 1 statements supported", "reasoning_trace"),
        Verdict(None, Status.ABSTAIN, (), "no measured label for this pair", "experiment"),
    ]  # fmt: skip


def rollout_rows(
    *, steps: int = STEPS, rollouts: int = ROLLOUTS, simulated: bool = True, seed: int = 0
) -> pl.DataFrame:
    """`rollouts` completions spread over `steps` steps, each fourth unparsed at first and fewer later."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for index in range(rollouts):
        step = 1 + index * steps // rollouts
        subject, obj = _PAIRS[index % len(_PAIRS)]
        claim = Claim(subject, "changes_expression_of", obj, cell_line="k562")
        found = verdicts(claim, chance, simulated=simulated)
        answer = None if index % 4 == 3 and index < rollouts * 0.7 else chance.choice(["yes", "no"])
        digit = chance.randint(5, 9)
        think = (
            f"{subject} interacts with {_HELPERS[index % 8]}, which regulates {obj}. So a knockdown may change {obj}."
        )
        completion = f"<think>{think}</think><answer>{answer} {digit}</answer>" if answer else f"{think} Answer: maybe"
        q = None if answer is None else digit / 10 if answer == "yes" else 1 - digit / 10
        v = sum(verdict.score or 0 for verdict in found[:3]) / 3
        brier = None if q is None else round(1 - (v * (1 - q) ** 2 + (1 - v) * q**2), 4)
        rows.append(
            {
                "run": "fixture", "step": step, "claim_id": claim.id, "subject": subject, "relation": claim.relation,
                "object": obj, "cell_line": claim.cell_line, "prompt": f"Does a knockdown of {subject} change {obj}?",
                "completion": completion, "answer": answer, "confidence": None if answer is None else digit / 10,
                "q": q, "reward": 0.0 if brier is None else round(0.9 * brier + 0.075, 4),
                "parts": json.dumps({"answer": brier, "reasoning_trace": 0.75, "format": float(answer is not None)}),
                "verdicts": json.dumps([verdict.to_json() for verdict in found]),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"relation": pl.String, "answer": pl.String, "q": pl.Float64})


def log_lines(*, steps: int = STEPS, warmup: int = 6) -> list[dict[str, Any]]:
    """What the trainers log: a warm-up whose loss falls, then GRPO steps under TRL's names."""
    chance = random.Random(1)
    lines: list[dict[str, Any]] = [
        {"phase": "warmup", "step": step, "loss": round(2.2 / step, 4), "digit": round(2.0 / step, 4), "text": 0.3}
        for step in range(1, warmup + 1)
    ]
    for step in range(1, steps + 1):
        share = step / steps
        lines.append(
            {
                "phase": "grpo", "step": step, "loss": 0.01,
                "reward": round(0.35 + 0.3 * share + chance.gauss(0, 0.03), 4),
                "reward_std": 0.1, "rewards/composed_reward/mean": 0.5,
                "unparsed": 0.1, "rewards/answer/mean": round(0.5 + 0.2 * share, 4),
                "rewards/reasoning_trace/mean": round(0.4 + 0.1 * share + chance.gauss(0, 0.04), 4),
                "rewards/format/mean": round(0.5 + 0.5 * share, 4), "entropy": round(2.0 - 0.9 * share, 4),
                "yes_share": 0.5, "verifiers_mean": 0.45,
                "completions/mean_length": round(30 + 6 * chance.random(), 2), "frac_reward_zero_std": 0.1,
            }
        )  # fmt: skip
        if step % 5 == 0:
            lines.append({"phase": "held_out", "step": step, "held_out/log_likelihood": round(-0.7 + 0.1 * share, 4)})
    return lines


def evaluation(auroc: float, *, unparsed: float = 0.1, simulated: bool = True) -> dict[str, Any]:
    """What `evaluate policy` prints, with figures around a per-gene AUROC."""
    pooled = {"f1": 0.61, "balanced_accuracy": 0.66, "mcc": 0.32, "tpr": 0.7, "tnr": 0.62, "auroc": 0.7}
    none = dict.fromkeys(pooled)
    own = {"per_gene_auroc": auroc, "interval": [round(auroc - 0.06, 3), round(auroc + 0.06, 3)], "pooled": pooled,
           "ece": 0.11, "genes": 48, "rows": 400}  # fmt: skip
    return {
        **own, "unparsed_rate": unparsed, "mean_reward": 0.4, "likelihood": own,
        "votes": {**own, "per_gene_auroc": round(auroc - 0.03, 3),
                  "interval": [round(auroc - 0.1, 3), round(auroc + 0.04, 3)]},
        "baselines": {
            "all_no": {"per_gene_auroc": 0.5, "interval": None, "pooled": {**none, "f1": 0.0, "tnr": 1.0, "tpr": 0.0}},
            "all_yes": {"per_gene_auroc": 0.5, "interval": None, "pooled": {**none, "f1": 0.6, "tnr": 0.0, "tpr": 1.0}},
            "gene_prior": {"per_gene_auroc": 0.5, "interval": [0.5, 0.5], "pooled": {**pooled, "mcc": 0.55},
                           "ece": 0.05},
            "pair_copy": {"per_gene_auroc": 0.56, "interval": [0.51, 0.6], "pooled": pooled, "ece": None},
        },
        "simulated": simulated,
    }  # fmt: skip


def reasoning(*, simulated: bool = True) -> dict[str, Any]:
    """What `evaluate policy --reasoning` says of a policy whose reasoning matters a little."""
    readings: dict[str, Any] = {}
    for place, name in enumerate(("own", "none", "half", "swapped")):
        lead = round(0.02 * place, 3)
        readings[name] = {
            **{key: value for key, value in evaluation(round(0.62 - lead, 3)).items() if key in ("interval", "ece")},
            "per_gene_auroc": round(0.62 - lead, 3), "brier": 0.21, "mean_probability": 0.4,
            "lead": {"mean": lead, "low": round(lead - 0.01, 3), "high": round(lead + 0.01, 3)},
            "mean_change": lead, "flips": lead, "rank_correlation": 1 - lead,
        }  # fmt: skip
    counts = {"completions": 200, "statements": 300, "per_completion": 1.5,
              "supported": 0.5, "contradicted": 0.1, "unknown": 0.4}  # fmt: skip
    curve = [
        {"coverage": tenths / 10, "rows": 20 * tenths, "error": 0.03 * tenths, "genes": tenths,
         "per_gene_auroc": 0.6 if tenths > 2 else None}
        for tenths in range(10, 0, -1)
    ]  # fmt: skip
    return {
        "rows": 200, "genes": 12, "seed": 0, "temperature": 1.0, "simulated": simulated,
        "readings": {**readings, "reversed": None},
        "stated": {"per_gene_auroc": 0.58, "interval": [0.5, 0.66], "brier": 0.24, "ece": 0.1, "mean_q": 0.42,
                   "verifiers_mean": 0.45, "yes_share": 0.41, "unparsed_rate": 0.05},
        "statements": {"before": {**counts, "supported": None, "contradicted": None, "unknown": None}, "after": counts},
        "abstention": {name: {"area": 0.12, "curve": curve} for name in ("own", "none", "gene_prior")},
    }  # fmt: skip


def scorecards(*, simulated: bool = True) -> dict[str, dict[str, Any]]:
    """Cards of four verifiers: three with reliability bins, and a text verifier that cannot be tested so."""
    cards: dict[str, dict[str, Any]] = {}
    for name, auroc, tilt in (("graph_path", 0.58, 0.2), ("link_predictor", 0.6, 0.1), ("expression", 0.69, 0.02)):
        bins = [
            {"low": index / 10, "high": (index + 1) / 10, "mean_probability": index / 10 + 0.05,
             "rate": round(min(max(0.5 + (index / 10 - 0.45) * (1 - tilt * 2), 0), 1), 3),
             "n": 10 + 40 * abs(5 - index)}
            for index in range(10)
        ]  # fmt: skip
        cards[name] = {**evaluation(auroc, simulated=simulated), "coverage": 0.97 - tilt, "reliability": bins}
        for key in ("likelihood", "votes", "unparsed_rate"):
            del cards[name][key]
    cards["reasoning_trace"] = {
        "coverage": 0.0, "per_gene_auroc": None, "interval": None, "ece": None, "reliability": [], "pooled": None,
        "baselines": {}, "simulated": simulated,
        "reason": "It scores what a text says; the questions come without texts.",
    }  # fmt: skip
    return cards


def build_manifest(*, simulated: bool = True) -> dict[str, Any]:
    """The JSON of a graph build's manifest, as far as the report reads it."""
    sources = [
        {"name": "go", "version": "2026-10-01", "licence": "CC BY 4.0", "rows": 4200, "rejected": 0,
         "url": "https://geneontology.org", "simulated": False},
        {"name": "string", "version": "12.0", "licence": "CC BY 4.0", "rows": 3100, "rejected": 2,
         "url": "https://string-db.org", "simulated": False},
        {"name": "perturbqa", "version": "sample", "licence": "made by rbio-kg", "rows": 900, "rejected": 0,
         "url": None, "simulated": simulated},
    ]  # fmt: skip
    return {
        "build_id": "3f1c0a9be2d44c17", "options": {"min_score": 400}, "sources": sources,
        "nodes": {"Gene": 412, "GoTerm": 1803, "Pathway": 96},
        "relationships": {"INTERACTS_WITH": 3100, "ANNOTATED_WITH": 5120, "KNOCKDOWN_CHANGES": 288},
        "seconds": {"read": 0.8, "assemble": 0.3, "snapshot": 0.1},
    }  # fmt: skip


def make_run(
    directory: Path, *, steps: int = STEPS, rollouts: int = ROLLOUTS, simulated: bool = True, seed: int = 0
) -> Path:
    """Write a whole run folder: manifest, log, rollouts in two files, three evaluations and one of the reasoning."""
    (directory / "rollouts").mkdir(parents=True)
    (directory / "evaluation").mkdir()
    manifest = {
        "name": directory.name, "kind": "policy", "started": "2026-11-23T08:00:00Z", "build_id": "3f1c0a9be2d44c17",
        "version": "0.1.0", "seeds": {"policy": 7, "sampling": 11}, "simulated": simulated, "status": "finished",
        "config": {"model": {"name": "smollm2", "method": "lora"}, "steps": steps, "prompt_mode": "open",
                   "learning_rate": 3e-4,
                   "reward": {"scoring": "brier", "weights": {"graph_path": 0.2, "expression": 0.6}}},
        "alarms": [{"step": 7, "name": "entropy", "value": 0.01, "threshold": 0.05, "message": "entropy is <low>"}],
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))
    lines = log_lines(steps=steps)
    (directory / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    frame = rollout_rows(steps=steps, rollouts=rollouts, simulated=simulated, seed=seed)
    half = rollouts // 2
    for number, part in enumerate((frame[:half], frame[half:])):
        part.write_parquet(directory / "rollouts" / f"{number:05d}.parquet")
    stages = {"before": (0.52, 1.0), "after_warmup": (0.6, 0.2), "after": (0.62, 0.05)}
    for stage, (auroc, unparsed) in stages.items():
        text = json.dumps(evaluation(auroc, unparsed=unparsed, simulated=simulated))
        (directory / "evaluation" / f"{stage}.json").write_text(text)
    (directory / "evaluation" / "reasoning.json").write_text(json.dumps(reasoning(simulated=simulated)))
    return directory
