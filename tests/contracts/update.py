"""How one graph becomes another in a store, whichever server stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.errors import StoreError
from rbio_kg.graph.loading import loader
from rbio_kg.graph.loading.difference import differences
from rbio_kg.graph.loading.loader import LoadReport, load_store
from rbio_kg.graph.schema.schema import RELATIONSHIPS
from rbio_kg.graph.schema.tables import GraphTables
from rbio_kg.graph.store.store import GraphStore
from rbio_kg.services.evidence import load_evidence
from tests.contracts.store import GENES, StoreBattery, small_tables, write_run


class UpdateBattery:
    """Inherit it and give a fixture `store` that may be overwritten."""

    first = small_tables()

    @pytest.fixture
    def builds(self, tmp_path: Path) -> Path:
        """The builds of a workspace: `small-1`, and `small-2`, which differs from it in every way that it can."""
        self.first.write(tmp_path / "graph" / "builds" / "small-1" / "tables")
        self.second.write(tmp_path / "graph" / "builds" / "small-2" / "tables")
        return tmp_path / "graph" / "builds"

    @property
    def second(self) -> GraphTables:
        frames = dict(self.first)
        gone, kept = GENES[59], pl.col("symbol") != GENES[59]
        new = frames["genes"].head(1).with_columns(pl.lit("NEW1").alias("symbol"))
        named = (
            frames["genes"]
            .filter(kept)
            .with_columns(
                pl.when(pl.col("symbol") == "G03").then(None).otherwise("name").alias("name"),
                pl.when(pl.col("symbol") == "G07")
                .then(pl.lit([], pl.List(pl.String)))
                .otherwise("aliases")
                .alias("aliases"),
            )
        )
        frames["genes"] = pl.concat([named, new])
        for item in RELATIONSHIPS:
            genes = [side for side, label in (("start", item.start), ("end", item.end)) if label == "Gene"]
            for side in genes:
                frames[item.table] = frames[item.table].filter(pl.col(side) != gone)
        pairs = frames["interactions"]
        joined = pairs.head(1).with_columns(pl.lit("G00").alias("start"), pl.lit("NEW1").alias("end"))
        frames["interactions"] = pl.concat([pairs.slice(3).with_columns(pl.col("score") // 2 * 2), joined])
        frames["knockdowns"] = (
            frames["knockdowns"]
            .slice(1)
            .with_columns(
                pl.when(pl.int_range(pl.len()) < 4).then(pl.lit("decrease")).otherwise("direction").alias("direction")
            )
        )
        return GraphTables(frames)

    def fill(self, store: GraphStore, tables: GraphTables, build_id: str, builds: Path) -> LoadReport:
        return load_store(store, tables, {"build_id": build_id}, builds=builds)

    def holds(self, store: GraphStore, tables: GraphTables, build_id: str) -> None:
        battery = StoreBattery()
        battery.tables = tables
        battery.test_counts_are_the_tables(store)
        battery.test_every_property_came_through(store)
        battery.test_every_relationship_came_through(store)
        assert store.check() == build_id

    def test_only_what_differs_is_written(
        self, store: GraphStore, builds: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loader, "SMALL_SHARE", 1.0)
        self.fill(store, self.first, "small-1", builds)
        kept = "MATCH (g:Gene {symbol: 'G05'}) SET g.touched = true RETURN g.symbol"
        store.write(kept)  # A mark that a graph loaded anew would not have.
        parts = list(differences(builds / "small-1" / "tables", builds / "small-2" / "tables"))
        assert {item.name for item in parts} >= {"Gene", "INTERACTS_WITH", "KNOCKDOWN_CHANGES", "ANNOTATED_WITH"}
        report = self.fill(store, self.second, "small-2", builds)
        assert report.changed == sum(item.rows for item in parts) > 100
        assert store.write("MATCH (g:Gene {symbol: 'G05'}) REMOVE g.touched RETURN count(*) AS n") == [{"n": 1}]
        self.holds(store, self.second, "small-2")
        assert not self.fill(store, self.second, "small-2", builds).loaded
        self.fill(store, self.first, "small-1", builds)
        self.holds(store, self.first, "small-1")

    def test_an_update_cut_short_is_finished(
        self, store: GraphStore, builds: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loader, "SMALL_SHARE", 1.0)
        self.fill(store, self.first, "small-1", builds)
        steps: list[str] = []
        load_store(store, self.second, {"build_id": "small-2"}, lambda message, _: steps.append(message), builds=builds)
        for moment in range(0, len(steps) - 1, 4):
            self.fill(store, self.first, "small-1", builds)
            seen: list[str] = []

            def cut(message: str, share: float | None, seen: list[str] = seen, moment: int = moment) -> None:
                seen.append(message)
                if len(seen) > moment:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                load_store(store, self.second, {"build_id": "small-2"}, cut, builds=builds)
            with pytest.raises(StoreError, match="incomplete"):
                store.check()
            # Now and then the way back is taken instead, which is neither of the two graphs' difference.
            target, name = (self.first, "small-1") if moment % 12 == 8 else (self.second, "small-2")
            self.fill(store, target, name, builds)
            self.holds(store, target, name)

    def test_a_large_difference_is_loaded_anew(
        self, store: GraphStore, builds: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loader, "SMALL_SHARE", 0.0)
        self.fill(store, self.first, "small-1", builds)
        report = self.fill(store, self.second, "small-2", builds)
        assert report.loaded
        assert report.changed is None
        self.holds(store, self.second, "small-2")

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_evidence_of_what_did_not_change_survives(
        self, store: GraphStore, builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
    ) -> None:
        monkeypatch.setattr(loader, "SMALL_SHARE", share)
        self.fill(store, self.first, "small-1", builds)
        load_evidence(store, write_run(tmp_path / "run"))
        before = self.evidence(store)
        assert len(before["cited"]) == 8
        assert len(before["stated"]) == 4
        self.fill(store, self.second, "small-2", builds)
        assert self.evidence(store) == before  # G59, which is gone, was not cited.
        frames = dict(self.second)
        frames["genes"] = frames["genes"].filter(pl.col("symbol") != "G02")
        for item in RELATIONSHIPS:
            for side, label in (("start", item.start), ("end", item.end)):
                if label == "Gene":
                    frames[item.table] = frames[item.table].filter(pl.col(side) != "G02")
        third = GraphTables(frames)
        third.write(builds / "small-3" / "tables")
        self.fill(store, third, "small-3", builds)
        after = self.evidence(store)
        assert (after["said"], after["stated"]) == (before["said"], before["stated"])
        assert after["cited"] == [row for row in before["cited"] if row["key"] != "G02"]
        assert not (builds.parent / "kept-evidence.jsonl").exists()
        store.write("MATCH (v:Verdict) DETACH DELETE v")
        store.write("MATCH (c:Claim) DETACH DELETE c")
        store.write("MATCH (r:Run) DETACH DELETE r")

    def evidence(self, store: GraphStore) -> dict[str, list[dict[str, Any]]]:
        said = store.query(
            "MATCH (r:Run)-[p:PRODUCED]->(v:Verdict)-[:JUDGES]->(c:Claim)-[:SUBJECT]->(g) RETURN properties(r) AS r, "
            "properties(p) AS p, properties(v) AS v, properties(c) AS c, g.symbol AS subject ORDER BY v.id"
        )
        cited = store.query(
            "MATCH (v:Verdict)-[c:CITES]->(n) RETURN v.id AS v, properties(c) AS c, coalesce(n.symbol, n.id) AS key "
            "ORDER BY v, c.rank, c.side"
        )
        stated = store.query(
            "MATCH (r:Run)-[s:STATED]->(c:Claim) RETURN r.name AS r, properties(s) AS s, properties(c) AS c "
            "ORDER BY c.id, s.finding"
        )
        return {"said": said, "cited": cited, "stated": stated}
