"""Small synthetic graphs with every table filled, for tests that need any graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rbio_kg.graph.schema.schema import NAMESPACES, STRING_CHANNELS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables

CELL_LINES = ("k562", "rpe1")
SOURCES = ("biogrid", "collectri", "go", "goa", "hgnc", "hpa", "intact", "perturbqa", "reactome", "string")


def small_tables(seed: int = 0, genes: int = 60) -> GraphTables:
    """A valid graph of a few communities: genes of one community interact, share terms and pathways, and change
    each other's expression more often than others do.

    Args:
        seed: the same seed gives the same tables.
        genes: number of genes, at least 12. Symbols are GENE000, GENE001, ...
    """
    rng = np.random.default_rng(seed)
    symbols = [f"GENE{i:03d}" for i in range(genes)]
    community = np.arange(genes) % max(3, genes // 15)
    same = community[:, None] == community[None, :]
    terms, is_a, part_of = _ontology(rng)
    frames: dict[str, pl.DataFrame] = {
        "genes": _frame("genes", [_gene(i, symbol) for i, symbol in enumerate(symbols)]),
        "names": _names(symbols),
        "is_a": _frame("is_a", [{"start": a, "end": b, "source": "go"} for a, b in is_a]),
        "part_of": _frame("part_of", [{"start": a, "end": b, "source": "go"} for a, b in part_of]),
        "regulates_term": _frame(
            "regulates_term", [{"start": terms[-1]["id"], "end": terms[-2]["id"], "sign": 1, "source": "go"}]
        ),
        "cell_lines": _frame("cell_lines", [{"name": name} for name in CELL_LINES]),
        "sources": _frame("sources", [_source(name) for name in SOURCES]),
        "interactions": _interactions(rng, symbols, same),
        "regulations": _regulations(rng, symbols, same),
    }
    frames["annotations"] = _annotations(rng, symbols, community, [term["id"] for term in terms])
    frames["terms"] = _with_content(terms, frames["annotations"], is_a + part_of, genes)
    frames |= _pathways(rng, symbols, community)
    frames["questions"] = _questions(rng, symbols, same)
    frames["knockdowns"] = _knockdowns(frames["questions"])
    # Last, and with a generator of their own: what the graph's other tables hold does not depend on these.
    frames |= _described(np.random.default_rng((seed, 1)), symbols, community)
    return GraphTables(frames)


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLE_SCHEMAS[table])


def _gene(i: int, symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "hgnc_id": f"HGNC:{1000 + i}",
        "entrez": str(5000 + i),
        "ensembl": f"ENSG{i:011d}",
        "uniprot": [f"P{i:05d}"],
        "name": f"gene number {i}",
        "aliases": [f"ALIAS{i}", f"OLD{i}"],
    }


def _source(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1",
        "date": "2025-01-01",
        "sha256": "0" * 64,
        "rows": 1,
        "rejected": 0,
        "licence": "CC0-1.0",
        "commercial": name != "collectri",
        "url": f"https://example.org/{name}",
        "simulated": name == "perturbqa",
    }


def _names(symbols: list[str]) -> pl.DataFrame:
    rows = []
    for i, symbol in enumerate(symbols):
        labels = ((symbol, "approved"), (f"ALIAS{i}", "alias"), (f"OLD{i}", "previous"), (str(5000 + i), "entrez"))
        rows += [{"label": label, "symbol": symbol, "kind": kind} for label, kind in labels]
    return _frame("names", rows)


def _ontology(rng: np.random.Generator) -> tuple[list[dict[str, Any]], list[tuple[str, str]], list[tuple[str, str]]]:
    terms: list[dict[str, Any]] = []
    is_a, part_of = [], []
    words = ("binding", "transport", "repair", "signalling", "assembly", "folding", "splicing", "transcription")
    for number, namespace in enumerate(NAMESPACES):
        ids = [f"GO:{number + 1}{i:06d}" for i in range(14)]
        for i, key in enumerate(ids):
            name = namespace if i == 0 else f"{words[i % len(words)]} kind {number}{i}"
            terms.append({"id": key, "name": name, "namespace": namespace, "synonyms": [f"{name} synonym"]})
            if i:
                is_a.append((key, ids[int(rng.integers(0, i))]))
            if i > 6:
                part_of.append((key, ids[int(rng.integers(0, i - 3))]))
    return terms, is_a, sorted(set(part_of) - set(is_a))


def _interactions(rng: np.random.Generator, symbols: list[str], same: np.ndarray) -> pl.DataFrame:
    rows = []
    for i, a in enumerate(symbols):
        for j in range(i + 1, len(symbols)):
            if rng.random() < (0.45 if same[i, j] else 0.04):
                channels = dict(zip(STRING_CHANNELS, rng.integers(0, 900, len(STRING_CHANNELS)).tolist(), strict=True))
                rows.append(
                    {"start": a, "end": symbols[j], "score": int(rng.integers(400, 1000)), "source": "string"}
                    | channels
                )
    return _frame("interactions", rows)


def _regulations(rng: np.random.Generator, symbols: list[str], same: np.ndarray) -> pl.DataFrame:
    rows = []
    for i in range(0, len(symbols), 4):
        for j, target in enumerate(symbols):
            if i != j and rng.random() < (0.4 if same[i, j] else 0.05):
                sign = int(rng.choice([1, 1, -1, 0]))
                rows.append(
                    {"start": symbols[i], "end": target, "sign": sign, "references": ["1"], "source": "collectri"}
                )
    return _frame("regulations", rows)


def _annotations(rng: np.random.Generator, symbols: list[str], community: np.ndarray, terms: list[str]) -> pl.DataFrame:
    rows = {}
    for i, symbol in enumerate(symbols):
        favourite = 3 + 2 * int(community[i])
        picks = {int(k) for k in rng.integers(1, len(terms), 2)}
        picks |= {(favourite + 14 * k) % len(terms) for k in range(3) if rng.random() < 0.7}
        for k in sorted(picks):
            codes = sorted({str(rng.choice(["IEA", "IDA", "TAS"])), "IEA"}) if rng.random() < 0.7 else ["IDA"]
            rows[symbol, terms[k]] = {
                "start": symbol,
                "end": terms[k],
                "evidence": codes,
                "qualifier": "involved_in",
                "references": ["PMID:1"],
                "assigned_by": ["UniProt"],
                "source": "goa",
            }
    return _frame("annotations", list(rows.values()))


def _with_content(
    terms: list[dict[str, Any]], annotations: pl.DataFrame, edges: list[tuple[str, str]], genes: int
) -> pl.DataFrame:
    parents: dict[str, set[str]] = {}
    for child, parent in edges:
        parents.setdefault(child, set()).add(parent)
    having: dict[str, set[str]] = {}
    for gene, term in annotations.select("start", "end").iter_rows():
        queue = [term]
        while queue:
            key = queue.pop()
            having.setdefault(key, set()).add(gene)
            queue += parents.get(key, ())
    roots = {namespace: having.get(f"GO:{n + 1}000000", set()) for n, namespace in enumerate(NAMESPACES)}
    for term in terms:
        count, total = len(having.get(term["id"], ())), max(1, len(roots[term["namespace"]]))
        term["information_content"] = float(-np.log2(min(1.0, count / total))) + 0.0 if count else None
    return _frame("terms", terms)


def _pathways(rng: np.random.Generator, symbols: list[str], community: np.ndarray) -> dict[str, pl.DataFrame]:
    ids = [f"R-HSA-{100 + k}" for k in range(int(community.max()) + 1)] + ["R-HSA-1"]
    pathways = [{"id": key, "name": f"Pathway {key[6:]}", "source": "reactome"} for key in ids]
    members = []
    for i, symbol in enumerate(symbols):
        mine = [ids[int(community[i])]] if rng.random() < 0.6 else []
        mine += [ids[-1]] if rng.random() < 0.7 or mine else []
        members += [
            {"start": symbol, "end": key, "direct": key != ids[-1] or len(mine) == 1, "source": "reactome"}
            for key in mine
        ]
    parents = [{"start": key, "end": ids[-1], "source": "reactome"} for key in ids[:-1]]
    return {
        "pathways": _frame("pathways", pathways),
        "memberships": _frame("memberships", members),
        "pathway_parents": _frame("pathway_parents", parents),
    }


def _questions(rng: np.random.Generator, symbols: list[str], same: np.ndarray) -> pl.DataFrame:
    rows = []
    perts = list(range(0, len(symbols), 2))
    monitored = list(range(1, len(symbols), 2))
    for line in CELL_LINES:
        for i in perts:
            split = "test" if i % 10 == 0 else "train"
            for j in monitored:
                if rng.random() < 0.4:
                    continue
                label = int(rng.random() < (0.6 if same[i, j] else 0.1))
                base = {"pert": symbols[i], "gene": symbols[j], "split": split, "cell_line": line, "simulated": True}
                rows.append(base | {"label": label, "task": "de"})
                if label:
                    rows.append(base | {"label": int(rng.random() < (0.8 if same[i, j] else 0.3)), "task": "dir"})
    return _frame("questions", rows)


def _knockdowns(questions: pl.DataFrame) -> pl.DataFrame:
    train = questions.filter(pl.col("split") == "train")
    pairs = ["pert", "gene", "cell_line"]
    directions = train.filter(pl.col("task") == "dir").select(*pairs, pl.col("label").alias("up"))
    positives = train.filter(pl.col("task") == "de", pl.col("label") == 1).join(directions, on=pairs, how="left")
    direction = pl.when(pl.col("up").is_null()).then(pl.lit("unknown"))
    direction = direction.when(pl.col("up") == 1).then(pl.lit("increase")).otherwise(pl.lit("decrease"))
    return positives.select(
        pl.col("pert").alias("start"),
        pl.col("gene").alias("end"),
        "cell_line",
        direction.alias("direction"),
        pl.lit("perturbqa").alias("source"),
    ).select(list(TABLE_SCHEMAS["knockdowns"]))


def _described(rng: np.random.Generator, symbols: list[str], community: np.ndarray) -> dict[str, pl.DataFrame]:
    """Tables that no verifier uses: sets of genes, expression, reported interactions."""
    ids = [f"hgnc.genegroup:{k + 1}" for k in range(int(community.max()) + 1)]
    sets = [{"id": key, "name": f"Family {key[15:]}", "kind": "HGNC gene group", "source": "hgnc"} for key in ids]
    members = [
        {"start": symbol, "end": ids[int(community[i])], "source": "hgnc"}
        for i, symbol in enumerate(symbols)
        if rng.random() < 0.7
    ]
    expression = [
        {"start": symbol, "end": line, "nx": round(float(rng.uniform(1, 100)), 1), "source": "hpa"}
        for symbol in symbols
        for line in CELL_LINES
        if rng.random() < 0.6
    ]
    reported = [
        {"start": a, "end": b, "methods": ["two-hybrid"], "references": [f"PMID:{i}"], "source": source}
        for i, a in enumerate(symbols)
        for b in symbols[i + 1 : i + 6]
        for source in ("biogrid", "intact")
        if rng.random() < 0.3
    ]
    return {
        "gene_sets": _frame("gene_sets", sets),
        "set_members": _frame("set_members", members),
        "expression": _frame("expression", expression),
        "reported_interactions": _frame("reported_interactions", reported),
    }
