"""Cases about sources, builds and the graph store."""

from __future__ import annotations

import csv
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rbio_kg.graph_builders.sample.sample import sample_directory
from rbio_kg.workspace import Workspace
from tests.support.cases.bench import PROGRAM, Bench, Check, Ran, essence, read, sample_text

GAF, OBO, HGNC = "go/goa_human.gaf", "go/go-basic.obo", "hgnc/hgnc_complete_set.txt"
INFO, LINKS = "string/9606.protein.info.v12.0.txt", "string/9606.protein.links.v12.0.txt"


def source_record(bench: Bench, name: str) -> dict[str, Any]:
    """What the manifest of the last build says of a source."""
    with Workspace(bench.changing) as workspace:
        record = workspace.manifest.source(name)
        assert record is not None
        return {"rejected": record.rejected, "reasons": record.reasons, "notes": record.notes}


def bare_header(bench: Bench) -> Iterator[Check]:
    lines = read(bench.case("01") / "head.gaf").splitlines(keepends=True)[1:3]
    found = bench.build(bench.sources({GAF: lambda text: "".join(insert(text, lines))}))
    where = [reason["line"] for reason in source_record(bench, "GOA")["reasons"]] if found.code == 0 else []
    now = f"{found.document.get('rejected_rows')} rejected, lines {where}"
    yield Check("header lines without !", now, "2 rejected, lines [2, 3]", where == [2, 3])


def insert(text: str, lines: list[str]) -> list[str]:
    """The lines of a text, with further ones behind the first."""
    first, *rest = text.splitlines(keepends=True)
    return [first, *lines, *rest]


def obsolete_terms(bench: Bench) -> Iterator[Check]:
    terms, rows = (read(bench.case("02") / name) for name in ("terms.obo", "rows.gaf"))
    found = bench.build(bench.sources({OBO: lambda text: text + terms, GAF: lambda text: text + rows}))
    if found.code:
        yield Check("chains of obsolete terms", found.last, "built", False)
        return
    record = source_record(bench, "GOA")
    replaced = [count for kind, count in record["notes"].items() if "replaced" in kind or "obsolete" in kind]
    now = f"{record['rejected']} rejected, {replaced} replaced"
    yield Check("chains of obsolete terms", now, "3 rejected, [3] replaced", record["rejected"] == 3 and 3 in replaced)


def retired_ids(bench: Bench) -> Iterator[Check]:
    folder = bench.case("03")
    info, links = read(folder / "info-rows.txt"), read(folder / "links-rows.txt")
    sources = bench.sources({INFO: lambda text: text + info, LINKS: lambda text: text + links})
    found = bench.build(sources)
    partner = next(line.split("\t")[1] for line in sample_text(INFO).splitlines() if line.startswith("9606.GENE1649\t"))
    cypher = "MATCH (:Gene {symbol: 'TP53'})-[r:INTERACTS_WITH]-(:Gene {symbol: '%s'}) RETURN max(r.score) AS score"
    score = bench.query(cypher % partner)[0]["score"]
    yield Check(f"TP53 by its Ensembl id, with {partner}", f"score {score}", "score 950", score == 950)
    lost = found.count("unrecognised")
    yield Check("names that are no genes", f"unrecognised: {lost}", "counted in --json", lost > 0)
    reported = bench.shown(sources)
    yield Check(
        "the same in the summary", essence(reported, "STRING"), "STRING's share is reported", "STRING" in reported
    )

    def foreign(text: str) -> str:
        head, *rows = text.splitlines(keepends=True)
        cells = [row.split("\t") for row in rows]
        names = [f"{'Mgi' + cell[1] if i % 10 else cell[1]}" for i, cell in enumerate(cells)]
        return head + "".join("\t".join([c[0], name, *c[2:]]) for c, name in zip(cells, names, strict=True))

    refused = bench.build(bench.sources({INFO: foreign}))
    yield Check("9 of 10 proteins are unknown", refused.last, "exit 1, names STRING", named(refused, "STRING"))


def named(found: Ran, *words: str) -> bool:
    """Whether a command ended with one clear line that has these words."""
    return found.refused and all(word in found.last for word in words)


def pathways(bench: Bench) -> Iterator[Check]:
    names = ("ReactomePathways.gmt", "ReactomePathwaysRelation.txt")
    found = bench.build(bench.sources({}, {f"reactome/{name}": read(bench.case("04") / name) for name in names}))
    assert found.code == 0, found.err
    rows = bench.run("query", "--named", "pathway", "--param", "id=R-HSA-2", workspace=bench.changing).document["rows"]
    row = next((row for row in rows if row["id"] == "R-HSA-2"), {})
    direct = [value for key, value in row.items() if "direct" in key]
    now = str({key: value for key, value in row.items() if isinstance(value, int)})
    yield Check("query pathway R-HSA-2", now, "2 genes, 1 of them direct", (row.get("genes"), direct) == (2, [1]))


def quotes(bench: Bench) -> Iterator[Check]:
    rows = {row.split("\t")[0]: row for row in read(bench.case("05") / "hgnc-rows.txt").splitlines(keepends=True)}
    term = read(bench.case("05") / "term.obo").strip()
    key = term.splitlines()[0]

    def genes(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(rows.get(line.split("\t")[0], line) for line in lines)

    def terms(text: str) -> str:
        return "\n\n".join(f"[Term]\n{term}" if key in part.splitlines() else part for part in re.split(r"\n\n", text))

    found = bench.build(bench.sources({HGNC: genes, OBO: terms}))
    assert found.code == 0, found.err
    stats = bench.run("stats", "--digest", workspace=bench.changing).document
    digests = stats["digest"]
    yield Check("digests of store and tables", str(stats["agrees"]), "True", digests["store"] == digests["tables"])
    folder = bench.new("import")
    files = bench.run("export", "--neo4j-admin", folder, workspace=bench.changing).document["files"]
    (file,) = [Path(name) for name in files if name.endswith("nodes-Gene.csv")]
    with file.open(newline="", encoding="utf-8") as stream:
        count = sum(1 for _ in csv.reader(stream))
    wanted = stats["nodes"]["Gene"]
    yield Check("genes read back with csv", str(count), str(wanted), count == wanted)


def sister_relation(bench: Bench) -> Iterator[Check]:
    rows = read(bench.case("15") / "collectri-head.csv")
    workspace = bench.new("w")
    found = bench.run("build", "--sources", bench.sources({}, {"collectri/collectri.csv": rows}), workspace=workspace)
    assert found.code == 0, found.err
    bench.run("train", "link-predictor", "--epochs", "1", workspace=workspace)
    card = bench.run("verifiers", "card", "link_predictor", workspace=workspace, as_json=False)
    words = re.search(r"[^\n]*(another relation|other relation|sister|joined directly)[^\n]*", card.out, re.I)
    now = words[0].strip() if words else "no word about other relations"
    yield Check("card of the link predictor", now, "share of held-out pairs that another relation joins", bool(words))


def two_names(bench: Bench) -> Iterator[Check]:
    folder = bench.case("16")
    genes, regulations = read(folder / "hgnc-rows.txt"), read(folder / "collectri.csv")
    sources = bench.sources({HGNC: lambda text: text + genes}, {"collectri/collectri.csv": regulations})
    found = bench.build(sources, "--max-unrecognised", "1")  # More than a fifth of this small file is no gene.
    cypher = "MATCH (:Gene {symbol: 'BHLHE40'})-[r:REGULATES]->(:Gene {symbol: 'TP53'}) RETURN r.sign AS sign"
    signs = [row["sign"] for row in bench.query(cypher)] if found.code == 0 else []
    yield Check("BHLHB2 and BHLHE40 to TP53", f"signs {signs}", "signs [0]", signs == [0])
    lost = found.count("unrecognised")
    yield Check("regulators that are no genes", f"unrecognised: {lost}", "at least 5 in --json", lost >= 5)
    reported = bench.shown(sources, "--max-unrecognised", "1")
    yield Check(
        "the same in the summary",
        essence(reported, "NFKB"),
        "AP1 and NFKB are named",
        "AP1" in reported and "NFKB" in reported,
    )


def full_disk(bench: Bench) -> Iterator[Check]:
    disk = bench.new("disk")
    disk.mkdir()
    query = "UNWIND range(1, 400000) AS i RETURN i, toString(i) AS text"
    script = 'mount -t tmpfs -o size=1m tmpfs "$0" || exit 77; out="$0/x.jsonl"; shift; exec "$@" --out "$out"'
    assert bench.sample
    found = bench.process("unshare", "-rm", "sh", "-c", script, disk, "_", *PROGRAM, "query", query, "--limit", 400000)
    if found.code == 77:
        yield Check("a full disk", "not run: no private mount here", "names the file", True)
        return
    yield Check("--out on a full disk", found.last, "exit 1, names x.jsonl", named(found, "x.jsonl"))


def interrupted_update(bench: Bench) -> Iterator[Check]:
    workspace = bench.built("w")
    for score in ("950", "400"):
        command = ["build", "--workspace", workspace, "--min-score", score]
        found = bench.signalled(command, lambda line: "store: " in line and "there" not in line, signal.SIGINT)
        holds = found.code == 130 or (found.code == 0 and not found.faulty)
        yield Check(f"Ctrl-C, --min-score {score}", found.last, "exit 130: interrupted", holds)
    healed = bench.run("build", workspace=workspace).code == 0 and bench.run("stats", workspace=workspace)
    agrees = bool(healed) and healed.document.get("agrees") is True
    yield Check("build and stats afterwards", "agrees" if agrees else "DIFFERS", "agrees", agrees)


def notebook(bench: Bench) -> Iterator[Check]:
    import sys

    for _ in range(2):  # On a busy machine the script's own timer may fire late, in the next query: then once more.
        found = bench.process(sys.executable, bench.case("26") / "interrupt.py", bench.sample)
        after = re.findall(r"\| next: (.*?) [\d.]+$", found.out, re.M)
        right = sum("'x': 7" in answer for answer in after)
        if right == len(after) > 0 or not any("KeyboardInterrupt" in answer for answer in after):
            break
    now = f"{right} of {len(after)} next queries answer" if after else found.last
    yield Check("a query after an interrupt", now, "12 of 12 next queries answer", (right, len(after)) == (12, 12))


def moved_workspace(bench: Bench) -> Iterator[Check]:
    first = bench.built("A")
    second, third = first.with_name("B"), first.with_name("C")
    shutil.copytree(first, second)
    built = bench.run("build", "--sources", sample_directory(), "--min-score", "950", workspace=second)
    stats = bench.run("stats", workspace=first, as_json=False)
    now = "agrees" if "agrees" in stats.out else (stats.out.strip().splitlines() or [stats.last])[-1]
    yield Check("the original, after a build in its copy", now, "agrees", stats.code == 0 and "agrees" in stats.out)
    own = str(second) in str(built.document.get("store")) or not str(built.document.get("store")).count(str(first))
    yield Check("store of the copy", str(built.document.get("store")), "its own", built.code == 0 and own)
    first.rename(third)
    moved = bench.run("stats", workspace=third)
    yield Check("stats after a move", moved.last, "exit 0", moved.code == 0 and moved.document["agrees"] is True)
    yield Check("the old place", "comes back" if first.exists() else "stays away", "stays away", not first.exists())


def stray_workspace(bench: Bench) -> Iterator[Check]:
    folder = bench.new("workspace")
    found = bench.run("query", "RETURN 1 AS x", workspace=folder)
    made = sorted(path.name for path in folder.rglob("*")) if folder.exists() else []
    now = f"{found.last}; makes {len(made)} files" if folder.exists() else found.last
    yield Check("query in an empty folder", now, "exit 1, makes nothing", found.refused and not folder.exists())


def readme_command(bench: Bench) -> Iterator[Check]:
    found = bench.run("questions", "make", "--out", bench.new("questions.parquet"), "--rows", "200")
    now = found.last + (f", {found.document['rows']} rows" if found.document else "")
    yield Check("questions make --out", now, "exit 0, some rows", found.code == 0 and bool(found.document["rows"]))
