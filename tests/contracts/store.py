"""What every store must do, whichever server stands behind it. Subclasses give a loaded `store`."""

from __future__ import annotations

import itertools
import json
import math
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import networkx as nx
import polars as pl
import pytest

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict
from rbio_kg.core.errors import QueryError, StoreError
from rbio_kg.graph.loading.loader import load_store
from rbio_kg.graph.schema.schema import NODES, RELATIONSHIPS
from rbio_kg.graph.schema.tables import TABLE_SCHEMAS, GraphTables
from rbio_kg.graph.store.queries import named_queries, named_query
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.services.evidence import load_evidence
from rbio_kg.training.runs.manifest import RunManifest
from rbio_kg.training.runs.rollout_file import CheckedStatement, Rollout, write_rollouts
from rbio_kg.training.runs.run_folder import Run

GENES = [f"G{i:02d}" for i in range(60)]
TERMS = [f"GO:{i:07d}" for i in range(30)]
PATHWAYS = [f"P{i}" for i in range(8)]
LINES = ["hepg2", "k562"]
SETS = [f"S{i}" for i in range(4)]
BUILD = {"build_id": "small-1"}


def _rows(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = TABLE_SCHEMAS[table]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def small_tables(seed: int = 7) -> GraphTables:
    """A random graph of 60 genes with nulls, lists and names of other scripts; the same for the same seed."""
    draw = random.Random(seed)
    pairs = sorted(draw.sample(list(itertools.combinations(GENES, 2)), 240))
    ordered = list(itertools.permutations(GENES, 2))
    genes = [
        {
            "symbol": gene,
            "hgnc_id": f"HGNC:{i}",
            "entrez": str(i) if i % 3 else None,
            "name": f"gene β {i} 'quoted'" if i % 4 else None,
            "uniprot": [f"Q{i}"] if i % 2 else [],
            "aliases": [f"A{i}", f"B{i}"] if i % 5 else [],
        }
        for i, gene in enumerate(GENES)
    ]
    terms = [
        {
            "id": term,
            "name": f"term {i}",
            "namespace": "biological_process",
            "information_content": draw.choice([None, 0.1 + 0.2, 2.25, 10 / 3]),
            "synonyms": [],
        }
        for i, term in enumerate(TERMS)
    ]
    parents = {(TERMS[i], TERMS[draw.randrange(i)]) for i in range(1, 30) for _ in range(2)}
    score = {pair: draw.randint(400, 1000) for pair in pairs}
    frames = {
        "genes": genes,
        "terms": terms,
        "pathways": [{"id": key, "name": f"pathway {key}", "source": "reactome"} for key in PATHWAYS],
        "cell_lines": [{"name": name} for name in LINES],
        "sources": [
            {
                "name": name,
                "version": "1",
                "rows": 2**53 + 1,
                "rejected": 0,
                "simulated": name == "perturbqa",
                "licence": "CC0",
            }
            | {"commercial": name != "collectri"}
            for name in (
                "biogrid",
                "collectri",
                "go",
                "goa",
                "hgnc",
                "hpa",
                "intact",
                "perturbqa",
                "reactome",
                "string",
            )
        ],
        "gene_sets": [{"id": key, "name": f"set {key}", "kind": "family", "source": "hgnc"} for key in SETS],
        "interactions": [
            {"start": a, "end": b, "score": score[a, b], "experiments": score[a, b] // 2, "source": "string"}
            for a, b in pairs
        ],
        "annotations": [
            {"start": gene, "end": term, "evidence": ["IDA", "IEA"], "qualifier": "involved_in", "source": "goa"}
            for gene in GENES
            for term in draw.sample(TERMS, 3)
        ],
        "is_a": [{"start": a, "end": b, "source": "go"} for a, b in sorted(parents) if int(a[-2:]) % 2],
        "part_of": [{"start": a, "end": b, "source": "go"} for a, b in sorted(parents) if not int(a[-2:]) % 2],
        "memberships": [
            {"start": gene, "end": key, "direct": key != "P0", "source": "reactome"}
            for gene in GENES
            for key in draw.sample(PATHWAYS, 2)
        ],
        "regulations": [
            {
                "start": a,
                "end": b,
                "sign": draw.choice([-1, 0, 1]),
                "references": draw.choice([[], ["1", "2"]]),
                "source": "collectri",
            }
            for a, b in draw.sample(ordered, 120)
        ],
        "knockdowns": [
            {"start": a, "end": b, "cell_line": line, "direction": "increase", "source": "perturbqa"}
            for a, b in draw.sample(ordered, 100)
            for line in LINES
        ],
        "set_members": [
            {"start": gene, "end": key, "source": "hgnc"} for gene in GENES for key in draw.sample(SETS, 1)
        ],
        "expression": [
            {"start": gene, "end": line, "nx": draw.randint(2, 400) / 2, "source": "hpa"}
            for gene in GENES
            for line in LINES
        ],
        "reported_interactions": [
            {
                "start": a,
                "end": b,
                "source": source,
                "methods": [],
                "references": [] if source == "intact" else ["PMID:1"],
            }
            for a, b in pairs[::3]
            for source in ("biogrid", "intact")
        ],
    }
    return GraphTables({name: _rows(name, rows) for name, rows in frames.items()})


def write_run(folder: Path) -> Path:
    """A run of three claims: one scored by two verifiers that disagree, one that cites what the graph lacks."""

    def verdict(verifier: str, score: float | None, *evidence: Evidence) -> Verdict:
        status = Status.ABSTAIN if score is None else Status.OK
        return Verdict(score, status, evidence, f"{verifier} says", verifier)

    def gene(key: str) -> Node:
        return Node("Gene", key)

    def stated(finding: str, *claim: str, polarity: str = "affirmed") -> CheckedStatement:
        subject, relation, object_ = claim
        return CheckedStatement(subject, relation, object_, polarity, "asserted", finding)

    path = (
        Evidence(gene("G00"), "INTERACTS_WITH", gene("G01"), 0.9, path=1),
        Evidence(gene("G01"), "INTERACTS_WITH", gene("G02"), 0.8, path=1),
    )
    term = Evidence(gene("G00"), "ANNOTATED_WITH", Node("GoTerm", TERMS[3]), 0.5, path=2)
    absent = Evidence(gene("G03"), "INTERACTS_WITH", gene("NOPE"), 0.1)
    strange = Evidence(Node("Chromosome", "1"), "IS_A", gene("G03"), 0.1)
    known, guess = stated("supported", "G00", "interacts_with", "G01"), stated("unknown", "G00", "regulates", "G03")
    denied = stated("contradicted", "G00", "interacts_with", "G01", polarity="negated")
    changes = Claim("G00", "changes_expression_of", "G02", "k562")
    run = Run(folder)
    run.write_manifest(
        RunManifest("first", "training", "2026-01-02T03:04:05+00:00", "small-1", "0", {}, {}, simulated=True)
    )
    rows: list[tuple[int, Claim, float | None, tuple[Verdict, ...], tuple[CheckedStatement, ...] | None]] = [
        (1, changes, 0.5, (verdict("a", 0.9, *path, term), verdict("b", 0.1)), (known, guess, guess)),
        (2, changes, 1.0, (verdict("a", 0.9, *path, term), verdict("b", 0.3)), (known, denied)),
        (2, Claim("G03", "interacts_with", "NOPE"), None,
         (verdict("a", 0.5, absent, strange), verdict("b", None)), None),
        (3, Claim("G05", "takes_part_in", TERMS[4]), 0.25, (verdict("a", 0.5), verdict("b", 0.25)),
         (guess, stated("unknown", "G05", "takes_part_in", TERMS[4]))),
    ]  # fmt: skip
    rollouts = [
        Rollout("first", step, claim, "", "", None, None, None, reward, {}, verdicts, statements)
        for step, claim, reward, verdicts, statements in rows
    ]
    for step in (1, 2, 3):
        write_rollouts(run.rollouts, step, [item for item in rollouts if item.step == step])
    return folder


class StoreBattery:
    """Inherit it and give two fixtures: `store`, which holds `small_tables()` and may be written to, and `login`, what
    `GraphStore.open` takes to open it."""

    tables = small_tables()

    # -- what is there

    def test_counts_are_the_tables(self, store: GraphStore) -> None:
        assert store.counts() == {
            "nodes": {item.label: self.tables[item.table].height for item in NODES},
            "relationships": {item.type: self.tables[item.table].height for item in RELATIONSHIPS},
        }

    def test_every_property_came_through(self, store: GraphStore) -> None:
        for item in NODES:
            rows = store.query(f"MATCH (n:{item.label}) RETURN n ORDER BY n.{item.key}")
            expected = [
                {key: value for key, value in row.items() if value is not None and value != []}
                for row in self.tables[item.table].to_dicts()
            ]
            assert [row["n"]["properties"] for row in rows] == expected

    def test_every_relationship_came_through(self, store: GraphStore) -> None:
        for item in RELATIONSHIPS:
            rows = store.query(
                f"MATCH (a)-[r:{item.type}]->(b) RETURN coalesce(a.symbol, a.id) AS start, "
                "coalesce(b.symbol, b.id, b.name) AS end, properties(r) AS says"
            )
            got = [{"start": row["start"], "end": row["end"], **row["says"]} for row in rows]
            expected = [
                {key: value for key, value in row.items() if value is not None and value != []}
                for row in self.tables[item.table].to_dicts()
            ]
            assert sorted(map(_canonical, got)) == sorted(map(_canonical, expected))
            assert all(row["source"] for row in got)

    def test_the_same_graph_is_not_loaded_twice(self, store: GraphStore) -> None:
        report = load_store(store, self.tables, BUILD)
        assert not report.loaded
        assert "already" in report.message
        assert store.check() == BUILD["build_id"]

    def test_keys_are_unique(self, store: GraphStore) -> None:
        with pytest.raises(StoreError):
            store.write("CREATE (:Gene {symbol: $symbol})", symbol="G00")

    # -- queries

    def test_values_travel_as_parameters(self, store: GraphStore) -> None:
        text = "'}) DETACH DELETE g //"
        assert store.query("RETURN $text AS text, $limit AS limit", {"text": text, "limit": 3}) == [
            {"text": text, "limit": 3}
        ]

    def test_rows_are_plain_json(self, store: GraphStore) -> None:
        rows = store.query(
            "MATCH p = (a:Gene {symbol: 'G00'})-[r:REGULATES]->(b) RETURN a, r, p, date('2026-01-02') AS day, "
            "datetime('2026-01-02T03:04:05Z') AS moment, [1, null, 'x'] AS list, {k: 0.5} AS map ORDER BY b.symbol",
            limit=1,
        )
        assert json.loads(json.dumps(rows, allow_nan=False)) == rows
        (row,) = rows
        assert row["a"]["labels"] == ["Gene"]
        assert row["r"]["type"] == "REGULATES"
        assert [node["labels"] for node in row["p"]["nodes"]] == [["Gene"], ["Gene"]]
        assert row["day"] == "2026-01-02"
        assert row["moment"].startswith("2026-01-02T03:04:05")
        assert (row["list"], row["map"]) == ([1, None, "x"], {"k": 0.5})

    def test_not_a_number_becomes_none(self, store: GraphStore) -> None:
        assert store.query("RETURN $x AS x", x=math.nan) == [{"x": None}]

    def test_limit_stops_early(self, store: GraphStore) -> None:
        assert len(store.query("MATCH (g:Gene) RETURN g.symbol ORDER BY g.symbol", limit=7)) == 7
        assert store.query("MATCH (g:Gene) RETURN g", limit=0) == []

    @pytest.mark.parametrize(
        "cypher",
        [
            "CREATE (:Gene {symbol: 'X'})",
            "MERGE (:Gene {symbol: 'X'})",
            "MATCH (g:Gene {symbol: 'G00'}) SET g.name = 'x'",
            "MATCH (g:Gene {symbol: 'G00'}) DETACH DELETE g",
            "MATCH (:Gene)-[r:REGULATES]->() DELETE r",
            "CREATE (:Brandnew)",
            "MATCH (a:Gene {symbol: 'G00'}), (b:Gene {symbol: 'G01'}) CREATE (a)-[:BRANDNEW]->(b)",
            "CREATE INDEX brandnew IF NOT EXISTS FOR (g:Gene) ON (g.name)",
        ],
    )
    def test_a_query_cannot_write(self, store: GraphStore, cypher: str) -> None:
        before = store.query("MATCH (g:Gene {symbol: 'G00'}) RETURN g"), store.counts()
        with pytest.raises(QueryError, match="may only read"):
            store.query(cypher)
        assert (store.query("MATCH (g:Gene {symbol: 'G00'}) RETURN g"), store.counts()) == before

    def test_a_long_query_is_ended_on_the_server(self, store: GraphStore) -> None:
        endless = "MATCH (a:Gene), (b:Gene), (c:Gene), (d:Gene), (e:Gene), (f:Gene) RETURN sum(size(a.symbol)) AS n"
        with pytest.raises(QueryError, match=r"time limit of 0\.5 s"):
            store.query(endless, timeout=0.5)
        running = store.query("SHOW TRANSACTIONS YIELD currentQuery RETURN currentQuery AS text")
        assert not [row for row in running if "endless" in row["text"] or "(f:Gene)" in row["text"]]

    @pytest.mark.parametrize(
        "cypher",
        [
            "MATCH (g:Gene) CALL (g) { SET g.name = 'x' } IN TRANSACTIONS OF 10 ROWS",
            "UNWIND [1, 2] AS i CALL (i) { CREATE (:Gene {symbol: 'X' + i}) } IN TRANSACTIONS",
            "MATCH (g:Gene {symbol: 'G00'}) FOREACH (i IN [1] | SET g.name = 'x')",
            "DROP CONSTRAINT gene_symbol",
            "CREATE CONSTRAINT brandnew IF NOT EXISTS FOR (g:Gene) REQUIRE g.name IS UNIQUE",
            "CALL db.createLabel('Brandnew')",
            "CALL apoc.create.node(['Gene'], {symbol: 'X'}) YIELD node RETURN node",
            "CALL apoc.cypher.doIt('CREATE (:Gene {symbol: \"X\"})', {}) YIELD value RETURN value",
            "CALL apoc.periodic.commit('CREATE (:Gene {symbol: \"X\"}) RETURN 0', {})",
            "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
            "RETURN 1 AS x; CREATE (:Gene {symbol: 'X'})",
            "CREATE DATABASE other",
            "CREATE USER other SET PASSWORD 'hunter2hunter2'",
            "DROP DATABASE kg",
        ],
    )
    def test_no_way_round_changes_anything(self, store: GraphStore, cypher: str) -> None:
        def present() -> Any:
            genes = store.query("MATCH (g:Gene) RETURN g.symbol AS symbol, g.name AS name ORDER BY symbol")
            return genes, store.counts(), sorted(map(_canonical, store.query("SHOW CONSTRAINTS YIELD name")))

        before = present()
        with pytest.raises(StoreError):
            store.query(cypher)
        with pytest.raises(StoreError), store.stream(cypher) as rows:
            list(rows)
        assert present() == before

    # -- streams

    def test_a_stream_has_the_rows_of_the_query(self, store: GraphStore) -> None:
        cypher = "MATCH (g:Gene) WHERE g.symbol >= $first RETURN g.symbol AS symbol, g AS node ORDER BY symbol"
        with store.stream(cypher, first="G05", fetch_size=7) as rows:
            assert rows.columns == ["symbol", "node"]
            assert list(rows) == store.query(cypher, first="G05")
        with store.stream("MATCH (g:Gene {symbol: 'NOPE'}) RETURN g.symbol AS symbol") as rows:
            assert rows.columns in (["symbol"], [])
            assert list(rows) == []

    def test_a_stream_of_many_rows_begins_at_once_and_may_be_left(self, store: GraphStore) -> None:
        product = "MATCH (a:Gene), (b:Gene), (c:Gene), (d:Gene), (e:Gene) RETURN a.symbol + e.symbol AS left"
        with store.stream(product, fetch_size=50) as rows:
            assert len(list(itertools.islice(rows, 500))) == 500
        self.ends_on_the_server(store, "AS left", seconds=10)

    def test_a_stream_cannot_write(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match="may only read"), store.stream("CREATE (:Gene {symbol: 'X'})") as rows:
            list(rows)

    def test_a_stream_past_its_time_limit_is_ended_between_rows(self, store: GraphStore) -> None:
        product = "MATCH (a:Gene), (b:Gene), (c:Gene), (d:Gene), (e:Gene) RETURN a.symbol + e.symbol AS late"
        with pytest.raises(QueryError, match="time limit of 1 s"), store.stream(product, timeout=1) as rows:
            for _ in rows:
                time.sleep(0.001)
        self.ends_on_the_server(store, "AS late", seconds=10)

    def test_a_statement_ends_when_its_client_dies(self, store: GraphStore, login: dict[str, str]) -> None:
        endless = "MATCH (a:Gene), (b:Gene), (c:Gene), (d:Gene), (e:Gene), (f:Gene) RETURN sum(size(a.symbol)) AS left"
        client = (
            "import json, sys; from rbio_kg.graph.store.store import GraphStore\n"
            "login = json.loads(sys.stdin.readline())\n"
            "with GraphStore.open(login.pop('uri'), **login) as store: store.query(sys.argv[1], timeout=3)"
        )
        with subprocess.Popen([sys.executable, "-c", client, endless], stdin=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None
            child.stdin.write(json.dumps(login) + "\n")
            child.stdin.flush()
            deadline = time.monotonic() + 60
            while not self.running(store, "AS left") and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert self.running(store, "AS left")
            child.kill()
        self.ends_on_the_server(store, "AS left", seconds=20)

    def running(self, store: GraphStore, text: str) -> list[str]:
        """What the server is busy with that has `text` in it."""
        rows = store.query("SHOW TRANSACTIONS YIELD currentQuery RETURN currentQuery AS text")
        return [row["text"] for row in rows if text in row["text"] and "SHOW TRANSACTIONS" not in row["text"]]

    def ends_on_the_server(self, store: GraphStore, text: str, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.running(store, text) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not self.running(store, text)

    @pytest.mark.parametrize("cypher", ["MATCH (g:Gene", "RETURN $missing AS x", "", "RETURN nonsense"])
    def test_a_wrong_statement_is_a_query_error(self, store: GraphStore, cypher: str) -> None:
        with pytest.raises(QueryError):
            store.query(cypher)

    def test_a_wrong_limit_is_a_query_error(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match="time limit"):
            store.query("RETURN 1", timeout=0)

    # -- named queries, against the tables themselves

    def named(self, store: GraphStore, name: str, **values: Any) -> list[dict[str, Any]]:
        query = named_query(name)
        return store.query(query.cypher, query.values(values))

    @property
    def interactions(self) -> nx.Graph:
        graph = nx.Graph()
        for row in self.tables["interactions"].iter_rows(named=True):
            graph.add_edge(row["start"], row["end"], score=row["score"])
        return graph

    @property
    def ontology(self) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from(TERMS)
        for table in ("is_a", "part_of"):
            graph.add_edges_from(self.tables[table].select("start", "end").iter_rows())
        return graph

    def all_terms(self, gene: str) -> set[str]:
        direct = self.tables["annotations"].filter(pl.col("start") == gene)["end"]
        return {above for term in direct for above in (term, *nx.descendants(self.ontology, term))}

    def most_specific(self, terms: set[str]) -> list[str]:
        content = dict(self.tables["terms"].select("id", "information_content").iter_rows())
        return sorted(terms, key=lambda term: (-(content[term] or 0.0), term))

    def test_every_named_query_runs(self, store: GraphStore) -> None:
        for query in named_queries().values():
            assert isinstance(store.query(query.cypher, query.example()), list)

    def test_gene(self, store: GraphStore) -> None:
        (row,) = self.named(store, "gene", symbol="G07")
        assert row["symbol"] == "G07"
        assert row["aliases"] == ["A7", "B7"]
        assert row["interactions"] == self.interactions.degree("G07")
        assert row["annotations"] == 3
        assert row["targets"] == self.tables["regulations"].filter(pl.col("start") == "G07").height

    def test_a_gene_without_lists(self, store: GraphStore) -> None:
        (row,) = self.named(store, "gene", symbol="G00")
        assert (row["uniprot"], row["aliases"]) == ([], [])
        assert store.query("MATCH (g:Gene {symbol: 'G00'}) RETURN g.aliases AS aliases") == [{"aliases": None}]

    def test_neighbours(self, store: GraphStore) -> None:
        rows = self.named(store, "neighbours", symbol="G01", min_score=500, top=5)
        near = self.interactions["G01"].items()
        expected = sorted((-says["score"], other) for other, says in near if says["score"] >= 500)[:5]
        assert [(-row["score"], row["partner"]) for row in rows] == expected

    def test_shared_terms(self, store: GraphStore) -> None:
        rows = self.named(store, "shared_terms", subject="G02", object="G03", top=100)
        assert [row["id"] for row in rows] == self.most_specific(self.all_terms("G02") & self.all_terms("G03"))

    def test_ancestors(self, store: GraphStore) -> None:
        rows = self.named(store, "ancestors_of_term", id=TERMS[29])
        assert [row["id"] for row in rows] == self.most_specific(nx.descendants(self.ontology, TERMS[29]))

    def test_shared_pathways(self, store: GraphStore) -> None:
        members = {key: set() for key in PATHWAYS}  # type: dict[str, set[str]]
        for gene, key in self.tables["memberships"].select("start", "end").iter_rows():
            members[key].add(gene)
        first, second = next(
            pair
            for pair in itertools.combinations(GENES, 2)
            if sum(set(pair) <= genes for genes in members.values()) == 2
        )
        rows = self.named(store, "shared_pathways", subject=first, object=second)
        shared = [key for key, genes in members.items() if {first, second} <= genes]
        assert [row["id"] for row in rows] == sorted(shared, key=lambda key: (len(members[key]), key))

    def test_paths(self, store: GraphStore) -> None:
        rows = self.named(store, "paths", subject="G04", object="G09", min_score=450, top=8)
        strong = nx.Graph((a, b, says) for a, b, says in self.interactions.edges(data=True) if says["score"] >= 450)
        expected = []
        for genes in nx.all_simple_paths(strong, "G04", "G09", cutoff=3):
            scores = [strong[a][b]["score"] for a, b in itertools.pairwise(genes)]
            weight = math.prod(score / 1000 for score in scores)
            expected.append((-round(weight, 6), len(scores), genes, scores))
        expected.sort(key=lambda item: (item[0], item[1], item[2][1], item[2][2] if item[1] > 1 else ""))
        assert [(row["genes"], row["scores"]) for row in rows] == [(item[2], item[3]) for item in expected[:8]]
        assert [row["weight"] for row in rows] == pytest.approx([-item[0] for item in expected[:8]], abs=2e-6)

    def test_provenance(self, store: GraphStore) -> None:
        edge = self.tables["knockdowns"].row(0, named=True)
        rows = self.named(store, "provenance", subject=edge["start"], object=edge["end"])
        ends = {edge["start"], edge["end"]}
        expected = sorted(
            (item.type, row["start"], row["end"], row.get("cell_line") or "", row["source"])
            for item in RELATIONSHIPS
            if item.start == item.end == "Gene"
            for row in self.tables[item.table].iter_rows(named=True)
            if {row["start"], row["end"]} == ends
        )
        got = [
            (row["relation"], row["start"], row["end"], row["says"].get("cell_line", ""), row["source"]) for row in rows
        ]
        assert got == expected
        assert {row["source"]: row["simulated"] for row in rows}["perturbqa"] is True

    def test_provenance_of_every_type_of_relation(self, store: GraphStore) -> None:
        for item in RELATIONSHIPS:
            for edge in self.tables[item.table].head(2).iter_rows(named=True):
                said = {key: edge[key] for key in item.unique_by} | {"source": edge["source"]}
                for ends in ((edge["start"], edge["end"]), (edge["end"], edge["start"])):
                    rows = self.named(store, "provenance", subject=ends[0], object=ends[1])
                    mine = [row for row in rows if row["relation"] == item.type and said.items() <= row["says"].items()]
                    assert [(row["start"], row["end"]) for row in mine] == [(edge["start"], edge["end"])]
                    source = self.tables["sources"].filter(pl.col("name") == edge["source"]).row(0, named=True)
                    assert {key: mine[0][key] for key in ("version", "licence", "commercial", "simulated")} == {
                        key: source[key] for key in ("version", "licence", "commercial", "simulated")
                    }
        assert self.named(store, "provenance", subject="G00", object="NOPE") == []

    def test_common_neighbours(self, store: GraphStore) -> None:
        graph = self.interactions
        rows = self.named(store, "common_neighbours", subject="G01", object="G02", min_score=500)
        expected = sorted(
            (-min(graph["G01"][x]["score"], graph["G02"][x]["score"]), x)
            for x in nx.common_neighbors(graph, "G01", "G02")
            if min(graph["G01"][x]["score"], graph["G02"][x]["score"]) >= 500
        )
        assert [(-min(row["subject_score"], row["object_score"]), row["gene"]) for row in rows] == expected
        assert expected

    def test_regulation_chain(self, store: GraphStore) -> None:
        sign = {(a, b): value for a, b, value in self.tables["regulations"].select("start", "end", "sign").iter_rows()}
        a, x, b = next((a, x, b) for (a, x), (y, b) in itertools.product(sign, sign) if x == y and a != b)
        rows = self.named(store, "regulation_chain", subject=a, object=b, top=100)
        direct = [(None, [sign[a, b]])] if (a, b) in sign else []
        chains = [(y, [sign[a, y], sign[y, b]]) for y in GENES if (a, y) in sign and (y, b) in sign]
        chains.sort(key=lambda item: (-math.prod(item[1]), item[0]))
        assert [(row["through"], row["signs"]) for row in rows] == [*direct, *chains]
        assert all(row["sign"] == math.prod(row["signs"]) for row in rows)
        assert x in [row["through"] for row in rows]

    def test_genes_of_term_with_descendants(self, store: GraphStore) -> None:
        below = {TERMS[1], *nx.ancestors(self.ontology, TERMS[1])}
        mine = self.tables["annotations"].filter(pl.col("end").is_in(below))["start"].value_counts()
        rows = self.named(store, "genes_of_term", id=TERMS[1], top=1000)
        expected = sorted(mine.iter_rows(), key=lambda row: (-row[1], row[0]))
        assert [(row["symbol"], row["annotations"]) for row in rows] == expected

    def test_term(self, store: GraphStore) -> None:
        rows = self.named(store, "term", id=TERMS[3])
        for relation, near in (
            ("itself", [TERMS[3]]),
            ("parent", list(self.ontology.successors(TERMS[3]))),
            ("child", list(self.ontology.predecessors(TERMS[3]))),
        ):
            assert sorted(row["id"] for row in rows if row["relation"].startswith(relation)) == sorted(near)
        annotated = self.tables["annotations"]["end"].to_list()
        assert [row["annotations"] for row in rows] == [annotated.count(row["id"]) for row in rows]

    def test_enriched_terms(self, store: GraphStore) -> None:
        symbols = ["G01", "G02", "G03", "G03", "NOPE"]
        mine = self.tables["annotations"].filter(pl.col("start").is_in(symbols)).select("start", "end").unique()
        shared = dict(mine["end"].value_counts().iter_rows())
        rows = self.named(store, "enriched_terms", symbols=symbols, top=100)
        ranked = sorted(self.most_specific(set(shared)), key=lambda term: -shared[term])
        assert [(row["id"], row["shared"]) for row in rows] == [(term, shared[term]) for term in ranked]

    def test_what_a_gene_belongs_to(self, store: GraphStore) -> None:
        for name, table in (("pathways_of_gene", "memberships"), ("sets_of_gene", "set_members")):
            ends = self.tables[table]["end"].to_list()
            mine = self.tables[table].filter(pl.col("start") == "G11")["end"].to_list()
            rows = self.named(store, name, symbol="G11")
            assert [row["id"] for row in rows] == sorted(mine, key=lambda key: (ends.count(key), key))
            assert [row["genes"] for row in rows] == [ends.count(row["id"]) for row in rows]

    def test_expressed_in(self, store: GraphStore) -> None:
        mine = self.tables["expression"].filter(pl.col("start") == "G11").sort("nx", descending=True)
        rows = self.named(store, "expressed_in", symbol="G11")
        assert [(row["cell_line"], row["nx"]) for row in rows] == list(mine.select("end", "nx").iter_rows())

    def test_reported_interactions(self, store: GraphStore) -> None:
        edges = self.tables["reported_interactions"]
        gene = edges["start"][0]
        near = edges.filter((pl.col("start") == gene) | (pl.col("end") == gene))
        rows = self.named(store, "reported_interactions", symbol=gene, top=100)
        assert {row["partner"] for row in rows} == {*near["start"], *near["end"]} - {gene}
        assert all(row["sources"] == ["biogrid", "intact"] for row in rows)
        assert [row["score"] for row in rows] == [self.interactions[gene][row["partner"]]["score"] for row in rows]

    @pytest.mark.parametrize("key", ["P0", "P3"])  # only inherited members, and only listed ones
    def test_pathway_and_its_hubs(self, store: GraphStore, key: str) -> None:
        memberships = self.tables["memberships"].filter(pl.col("end") == key)
        members, listed = memberships["start"].to_list(), memberships.filter("direct")["start"].to_list()
        rows = self.named(store, "pathway", id=key)
        assert [(row["genes"], row["direct_genes"]) for row in rows] == [(len(members), len(listed))]
        degree = dict(self.interactions.degree)
        expected = sorted(members, key=lambda gene: (-degree.get(gene, 0), gene))[:5]
        rows = self.named(store, "hubs_of_pathway", id=key, top=5)
        assert [(row["symbol"], row["interactions"]) for row in rows] == [(g, degree.get(g, 0)) for g in expected]
        assert {row["symbol"]: row["direct"] for row in rows} == {gene: gene in listed for gene in expected}

    def test_similar_knockdowns(self, store: GraphStore) -> None:
        edges = self.tables["knockdowns"].filter(pl.col("cell_line") == "k562").select("start", "end").rows()
        changed = {gene: {b for a, b in edges if a == gene} for gene, _ in edges}
        gene = edges[0][0]
        shared = {other: len(changed[gene] & mine) for other, mine in changed.items() if other != gene}
        rows = self.named(store, "similar_knockdowns", symbol=gene, cell_line="k562", top=1000)
        expected = sorted(((-n, other) for other, n in shared.items() if n))
        assert [(-row["shared"], row["gene"]) for row in rows] == expected
        assert all(row["same_direction"] == row["shared"] for row in rows)

    def test_licences(self, store: GraphStore) -> None:
        rows = self.named(store, "licences", symbol="G00")
        expected: dict[tuple[str, str], int] = {}
        for item in RELATIONSHIPS:
            for edge in self.tables[item.table].iter_rows(named=True):
                if "G00" in (edge["start"], edge["end"]):
                    key = item.type, edge["source"]
                    expected[key] = expected.get(key, 0) + 1
        got = [(row["relation"], row["source"], row["relations"]) for row in rows]
        assert got == [(*key, expected[key]) for key in sorted(expected)]
        assert all(row["commercial"] == (row["source"] != "collectri") for row in rows)

    def test_regulation_both_ways(self, store: GraphStore) -> None:
        edges = self.tables["regulations"]
        gene = edges["start"][0]
        rows = self.named(store, "targets", symbol=gene)
        mine = edges.filter(pl.col("start") == gene).sort("end")
        assert [(row["target"], row["sign"]) for row in rows] == list(mine.select("end", "sign").iter_rows())
        rows = self.named(store, "regulators", symbol=edges["end"][0])
        theirs = edges.filter(pl.col("end") == edges["end"][0]).sort("start")
        assert [(row["regulator"], row["sign"]) for row in rows] == list(theirs.select("start", "sign").iter_rows())

    def test_terms_of_gene(self, store: GraphStore) -> None:
        rows = self.named(store, "terms_of_gene", symbol="G10")
        direct = self.tables["annotations"].filter(pl.col("start") == "G10")["end"]
        assert [row["id"] for row in rows] == self.most_specific(set(direct))

    def test_genes_of_pathway(self, store: GraphStore) -> None:
        rows = self.named(store, "genes_of_pathway", id="P3")
        mine = self.tables["memberships"].filter(pl.col("end") == "P3")
        expected = mine.sort("direct", "start", descending=[True, False])["start"].to_list()
        assert [row["symbol"] for row in rows] == expected

    def test_knockdown_effects(self, store: GraphStore) -> None:
        edges = self.tables["knockdowns"]
        gene = edges["start"][0]
        mine = edges.filter(pl.col("start") == gene).sort("end", "cell_line")
        rows = self.named(store, "knockdown_effects", symbol=gene)
        assert [(row["changed"], row["cell_line"]) for row in rows] == list(mine.select("end", "cell_line").iter_rows())
        rows = self.named(store, "knockdown_effects", symbol=gene, cell_line="k562")
        assert {row["cell_line"] for row in rows} == {"k562"}

    def test_sources(self, store: GraphStore) -> None:
        rows = self.named(store, "sources")
        assert [row["name"] for row in rows] == self.tables["sources"]["name"].to_list()

    # -- evidence

    def test_evidence_is_written_once(self, store: GraphStore, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run")
        expected = {"claims": 5, "verdicts": 7, "citations": 8, "statements": 4, "missing": 3}
        assert load_evidence(store, run) == expected
        counts = (
            "MATCH (n) RETURN labels(n)[0] AS name, count(*) AS total UNION ALL "
            "MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS total"
        )
        first = sorted(store.query(counts), key=_canonical)
        assert load_evidence(store, run) == expected
        assert sorted(store.query(counts), key=_canonical) == first
        totals = {row["name"]: row["total"] for row in first}
        assert [totals[name] for name in ("Run", "Claim", "Verdict")] == [1, 5, 7]
        assert [totals[name] for name in ("PRODUCED", "JUDGES", "CITES", "SUBJECT", "OBJECT")] == [7, 7, 8, 5, 4]
        assert totals["STATED"] == 4

        (row,) = self.named(store, "runs")
        assert (row["name"], row["verdicts"], row["claims"], row["simulated"]) == ("first", 7, 3, True)
        rows = self.named(store, "disagreements")
        assert [(row["subject"], row["verifiers"], row["scores"], row["spread"]) for row in rows] == [
            ("G00", ["a", "b"], [0.9, 0.2], 0.7),
            ("G05", ["a", "b"], [0.5, 0.25], 0.25),
        ]
        rows = self.named(store, "verdicts_of_claim", subject="G00", object="G02")
        assert [(row["verifier"], row["completions"], row["citations"]) for row in rows] == [
            ("a", 2, 3),
            ("b", 1, 0),
            ("b", 1, 0),
        ]
        cited = self.named(store, "evidence_of_verdict", id=rows[0]["verdict"])
        assert [(row["rank"], row["side"], row["key"]) for row in cited] == [
            (0, "start", "G00"),
            (0, "end", "G01"),
            (1, "start", "G01"),
            (1, "end", "G02"),
            (2, "start", "G00"),
            (2, "end", TERMS[3]),
        ]
        assert self.named(store, "most_cited")[0]["key"] == "G00"
        rows = self.named(store, "rewarded_evidence", verifier="a", top=2)
        assert [tuple(row.values()) for row in rows] == [
            ("G00", "ANNOTATED_WITH", TERMS[3], "term 3", 2, 1.5, 0.75),
            ("G00", "INTERACTS_WITH", "G01", "gene β 1 'quoted'", 2, 1.5, 0.75),
        ]
        assert not self.named(store, "rewarded_evidence", run="another")
        rows = self.named(store, "unsupported_statements")
        assert [tuple(row.values()) for row in rows] == [
            ("G00", 2, 1, 2, 0.4),
            ("G03", 2, 0, 0, 0.0),
            ("G01", 0, 1, 2, 0.667),
            ("G05", 1, 0, 0, 0.0),
        ]


def _canonical(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)
