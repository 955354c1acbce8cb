"""How well statements are read from labelled sentences, and how many completions are checked per second.

    python -m benchmarks.verifiers.reasoning_trace --workspace DIR [--ontology go.obo.gz] [--half tuning]
        [--errors] [--json]

`statements.tsv` has one sentence per row with the statements that a careful reader takes from it: subject, relation,
object (names joined by | are equally right), `[not]`, `[hedged]`. A statement counts only where all five parts are
right; an interaction has no order. The hash of a sentence decides its half. Words and rules are tuned on the tuning
half only, and only its errors are printed. Intervals: bootstrap over sentences. `--ontology` takes GO's synonyms from
another release, for a workspace whose release has none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rbio_kg.core.claims import Claim, Relation
from rbio_kg.graph.snapshot.snapshot import Snapshot, write_snapshot
from rbio_kg.verifiers.text.reasoning_trace import ReasoningTraceVerifier
from rbio_kg.verifiers.text.statements import StatementChecker
from rbio_kg.workspace import Workspace

LABELS = Path(__file__).with_name("statements.tsv")
HALVES = ("tuning", "held-out")
WORDS = 100

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Labelled:
    """A sentence and its statements: each (subject, relation, polarity, certainty), with the objects that are right."""

    phenomenon: str
    sentence: str
    statements: tuple[tuple[Key, frozenset[str]], ...]

    @property
    def half(self) -> str:
        return HALVES[hashlib.sha256(self.sentence.encode()).digest()[0] % 2]


def key(subject: str, relation: str, objects: Iterable[str], negated: bool, hedged: bool) -> tuple[Key, frozenset[str]]:
    found = list(objects)
    if relation == Relation.INTERACTS_WITH:
        subject, other = sorted((subject, found[0]))
        found = [other]
    polarity, certainty = ("negated" if negated else "affirmed"), ("hedged" if hedged else "asserted")
    return (subject, relation, polarity, certainty), frozenset(name.casefold().replace("-", " ") for name in found)


def read_labels(path: Path = LABELS) -> list[Labelled]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        phenomenon, sentence, labels = line.split("\t")
        statements = []
        for label in filter(None, labels.split("; ")):
            plain = label.replace(" [not]", "").replace(" [hedged]", "")
            subject, relation, objects = plain.split(" ", 2)
            statements.append(key(subject, relation, objects.split("|"), "[not]" in label, "[hedged]" in label))
        rows.append(Labelled(phenomenon, sentence, tuple(statements)))
    return rows


def compare(row: Labelled, checker: StatementChecker, names: dict[str, str]) -> tuple[int, int, int]:
    """Statements that are right, that were read, and that are labelled."""
    read = {
        key(item.subject, item.relation, [names.get(item.object, item.object)], item.polarity == "negated",
            item.certainty == "hedged")
        for item in checker.check(row.sentence)
    }  # fmt: skip
    right = sum(any(k == other and objects & found for other, found in read) for k, objects in row.statements)
    return right, len(read), len(row.statements)


def f1(counts: np.ndarray) -> float:
    right, read, labelled = counts.sum(axis=0)
    return float(2 * right / max(read + labelled, 1))


def quality(counts: np.ndarray, seed: int, draws: int = 2000) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    drawn = [f1(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(draws)]
    right, read, labelled = (int(value) for value in counts.sum(axis=0))
    return {
        "sentences": len(counts),
        "statements": labelled,
        "read": read,
        "precision": right / max(read, 1),
        "recall": right / max(labelled, 1),
        "f1": f1(counts),
        "interval": [float(value) for value in np.quantile(drawn, (0.025, 0.975))],
    }


def measure(rows: list[Labelled], checker: StatementChecker, half: str, seed: int, errors: bool) -> dict[str, Any]:
    snapshot = checker.snapshot
    names = dict(zip(snapshot.terms.keys, snapshot.term_names, strict=True))
    names |= dict(zip(snapshot.pathways.keys, snapshot.pathway_names, strict=True))
    chosen = [row for row in rows if row.half == half]
    counts = np.array([compare(row, checker, names) for row in chosen])
    if errors and half == "tuning":
        for row, (right, read, labelled) in zip(chosen, counts, strict=True):
            if right != read or right != labelled:
                print(f"[{row.phenomenon}] {row.sentence}", file=sys.stderr)
                for item in row.statements:
                    print(f"    wanted {item[0]} {'|'.join(item[1])}", file=sys.stderr)
                for found in checker.check(row.sentence):
                    target = names.get(found.object, found.object)
                    print(
                        f"    read   {found.subject} {found.relation} {target} {found.polarity} {found.certainty}",
                        file=sys.stderr,
                    )
    kinds = [row.phenomenon for row in chosen]
    parts = {kind: np.array([kind == other for other in kinds]) for kind in dict.fromkeys(kinds)}
    return {
        **quality(counts, seed),
        "by_phenomenon": {kind: quality(counts[mask], seed, 200) for kind, mask in parts.items()},
    }


def completions(rows: list[Labelled], genes: Sequence[str], count: int, seed: int, fresh: bool) -> list[str]:
    """Texts of about `WORDS` words from the labelled sentences; `fresh`: about other genes each time."""
    chance, known = random.Random(seed), frozenset(genes)
    texts = []
    for _ in range(count):
        text: list[str] = []
        while len(text) < WORDS:
            words = chance.choice(rows).sentence.split()
            if fresh:
                words = [chance.choice(genes) if word in known else word for word in words]
            text += words
        texts.append(" ".join(text))
    return texts


def speed(snapshot: Path, rows: list[Labelled], seed: int, count: int = 2000) -> dict[str, float]:
    """Completions scored per second of CPU time, after some that fill the caches."""
    claim = Claim("TP53", "changes_expression_of", "MYC", "k562")
    genes, rates = list(Snapshot.open(snapshot).genes.keys), {}
    for fresh in (True, False):
        verifier = ReasoningTraceVerifier(snapshot)
        verifier.score([claim] * 50, completions(rows, genes, 50, seed + 1, fresh))
        texts = completions(rows, genes, count, seed, fresh)
        started = time.process_time()
        verifier.score([claim] * count, texts)
        rates["other genes each time" if fresh else "sentences recur"] = count / (time.process_time() - started)
    return rates


def with_synonyms(graph: Mapping[str, pl.DataFrame], ontology: Path, folder: Path) -> Path:
    """A snapshot of a graph with the exact synonyms of another release of GO."""
    from rbio_kg.graph_builders.parsing.parsed import BuildContext, FoundFiles
    from rbio_kg.graph_builders.sources import go

    terms = go.read(FoundFiles({"ontology": (ontology,)}), BuildContext()).frames["terms"]
    tables = dict(graph)
    tables["terms"] = (
        tables["terms"].drop("synonyms").join(terms.select("id", "synonyms"), "id", "left", maintain_order="left")
        .with_columns(pl.col("synonyms").fill_null([])).select(tables["terms"].columns)
    )  # fmt: skip
    write_snapshot(tables, folder / "snapshot", "with synonyms")
    return folder / "snapshot"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--ontology", type=Path, help="an OBO file whose synonyms are added")
    parser.add_argument("--half", choices=HALVES, help="both otherwise")
    parser.add_argument("--errors", action="store_true", help="print the tuning half's errors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = read_labels()
    with Workspace(options.workspace) as workspace, tempfile.TemporaryDirectory() as folder:
        snapshot = workspace.snapshot_folder
        if options.ontology:
            snapshot = with_synonyms(workspace.tables, options.ontology, Path(folder))
        checker = StatementChecker(Snapshot.open(snapshot))
        halves = [options.half] if options.half else HALVES
        document: dict[str, Any] = {half: measure(rows, checker, half, options.seed, options.errors) for half in halves}
        document["completions_per_second"] = speed(snapshot, rows, options.seed)
    if options.json:
        print(json.dumps(document, allow_nan=False))
        return
    print(
        f"{'half':<10}{'phenomenon':<14}{'sentences':>10}{'labelled':>10}{'read':>6}{'precision':>11}{'recall':>8}{'F1':>7}"
    )
    for half in halves:
        for kind, row in [("all", document[half]), *document[half]["by_phenomenon"].items()]:
            low, high = row["interval"]
            print(
                f"{half:<10}{kind:<14}{row['sentences']:>10}{row['statements']:>10}{row['read']:>6}{row['precision']:>11.3f}"
                f"{row['recall']:>8.3f}{row['f1']:>7.3f} [{low:.3f}, {high:.3f}]"
            )
    for name, rate in document["completions_per_second"].items():
        print(f"completions per second of CPU time, {name}: {rate:,.0f}")


if __name__ == "__main__":
    main()
