"""Cases about questions and predictions files, and what is measured on them."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from tests.support.cases.bench import Bench, Check, same


def own_data(bench: Bench) -> Iterator[Check]:
    folder = bench.case("09")
    found = bench.evaluate(folder / "absent-de.csv")
    yield Check("perturbations that are no genes", found.figure, "exit 1", found.refused)
    for name in ("one-pert-de.csv", "testno-de.csv"):
        found = bench.evaluate(folder / name)
        yield Check(name, found.figure, "exit 1: nothing to rank", found.refused)
    found = bench.evaluate(folder / "a549-de.csv", None)
    holds = found.refused and "leave-one-line-out" in found.last
    yield Check("a549-de.csv", found.last, "exit 1, names leave-one-line-out", holds)
    for name in ("trainonly-de.csv", "empty-de.csv"):
        found = bench.evaluate(folder / name)
        yield Check(name, found.last, "exit 1", found.refused)
    for name in ("tiny-de.csv", "trainyes-de.csv"):
        found = bench.evaluate(folder / name)
        yield Check(name, found.figure, "a figure, or one line", not found.faulty)


def rows_that_nobody_wants(bench: Bench) -> Iterator[Check]:
    found = bench.compare(bench.case("17") / "pred.csv")
    yield Check("genes called 0 to N", found.figure, "exit 1: no row is asked", found.refused)
    with bench.questions().open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    extra = bench.new("extra.csv")
    with extra.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["pert", "gene", "label", "score"])
        writer.writerows([row["pert"], row["gene"], row["label"], 0.5] for row in rows)
        asked = {(row["pert"], row["gene"]) for row in rows}
        turned = [row for row in rows if (row["gene"], row["pert"]) not in asked]
        writer.writerows([row["gene"], row["pert"], row["label"], row["label"]] for row in turned)
    found = bench.compare(extra)
    holds = found.refused or same(found.auroc, 0.5)
    yield Check("a constant, and right answers to other rows", found.figure, "0.500, or exit 1", holds)
    reported = [key for key in found.document if "extra" in key or "left_out" in key or "not_asked" in key]
    now = f"{reported[0]}: {found.document[reported[0]]}" if reported else found.last
    yield Check("how many are left out", now, f"{len(turned)}", found.refused or bool(reported))


def dialects(bench: Bench) -> Iterator[Check]:
    folder = bench.case("18")
    plain = bench.compare(folder / "pred" / "plain.csv")
    right = plain.auroc or 0.0
    for name in ("bom", "crlf", "blanks", "cr"):
        found = bench.compare(folder / "pred" / f"{name}.csv")
        yield Check(f"predictions, {name}", found.figure, plain.figure, same(found.auroc, right))
    found = bench.compare(folder / "pred" / "percent.csv")
    pooled = found.document.get("pooled") or {}
    thresholded = [name for name in ("f1", "balanced_accuracy", "tpr", "tnr") if pooled.get(name) is not None]
    holds = not thresholded and not found.faulty and "probabilit" in found.text
    now = f"f1 {pooled['f1']:.3f}" if thresholded else found.last
    yield Check("scores in percent", now, "no thresholded measure, and a word", holds)
    for name in ("lower", "missing"):
        found = bench.compare(folder / "pred" / f"{name}.csv")
        holds = found.refused if name == "missing" else found.refused or same(found.auroc, right)
        wanted = "exit 1: rows are missing" if name == "missing" else plain.figure
        yield Check(f"predictions, {name}", found.figure, wanted, holds)
    wanted_file = bench.evaluate(folder / "bom-de.csv")
    for name in ("cr-de.csv", "nbsp-de.csv"):
        found = bench.evaluate(folder / name)
        yield Check(f"questions, {name}", found.figure, wanted_file.figure, same(found.auroc, wanted_file.auroc or 0.0))
    for name in ("semicolon-de.csv", "cp1252-de.csv"):
        found = bench.evaluate(folder / name)
        holds = found.refused and "download" not in found.last
        yield Check(f"questions, {name}", found.last, "exit 1, no word of a download", holds)
