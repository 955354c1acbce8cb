"""Cases about names of genes and cell lines."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.cases.bench import Bench, Check, Ran, essence, read, same

Rows = list[list[str]]
HGNC, QUESTIONS = "hgnc/hgnc_complete_set.txt", "perturbqa/k562-de.csv"


def rows_of(file: Path) -> Rows:
    """The rows of a case without its last column, which says that they are simulated."""
    return [row[:4] for row in csv.reader(read(file).splitlines())]


def offered(found: Ran, *names: str) -> bool:
    """Whether the output offers these names."""
    return all(name in found.text for name in names)


def kinds(found: Ran) -> str:
    """What a document says of unrecognised names, or the last line."""
    value = found.document.get("unrecognised")
    return f"unrecognised: {value}" if value else found.last


def date_symbols(bench: Bench) -> Iterator[Check]:
    rows = read(bench.case("06") / "rows.csv")
    # The sample has none of the genes whose names become dates.
    genes = "".join(
        f"HGNC:{number}\t{symbol}\t{symbol}\tgene with protein product\tApproved\t\t\t{number}\tENSG{number:011}\t\n"
        for number, symbol in enumerate(("SEPTIN2", "SEPTIN4", "MARCHF1", "MTARC1", "DELEC1"), 990_001)
    )
    sources = bench.sources({HGNC: lambda text: text + genes, QUESTIONS: lambda text: text + rows})
    found = bench.build(sources)
    yield Check("five dates, build", kinds(found), "counted", found.count("unrecognised") >= 4)
    reported = bench.shown(sources)
    holds = "2-Sep" in reported and "SEPTIN2" in reported
    yield Check("the likely gene, build", essence(reported, "2-Sep"), "2-Sep: SEPTIN2", holds)
    questions = bench.questions(lambda known: [*known, *(line.split(",")[:4] for line in rows.splitlines())])
    found = bench.evaluate(questions, workspace=bench.changing)
    yield Check("five dates, evaluate expression", kinds(found), "counted", found.count("unrecognised") >= 4)
    yield Check("the likely gene", essence(found.err, "2-Sep"), "2-Sep: SEPTIN2", "SEPTIN2" in found.err)
    found = bench.run("explain", "2-Sep", "TP53", "--cell-line", "k562", workspace=bench.changing)
    yield Check("explain 2-Sep TP53", found.last, "names SEPTIN2", offered(found, "SEPTIN2"))


def changed_spelling(bench: Bench) -> Iterator[Check]:
    rows = rows_of(bench.case("07") / "rows.csv")
    found = bench.evaluate(bench.questions(lambda known: [*known, *rows]))
    refused = found.refused and offered(found, "TP53", "MDM2")
    yield Check("one pair under two names, two labels", found.last, "exit 1, names TP53 and MDM2", refused)
    clear = [row for row in rows if "ENSG" not in row[0] and row[0] not in ("tp53",)]
    found = bench.evaluate(bench.questions(lambda known: [*known, *clear]))
    yield Check("mangled names", kinds(found), "counted", found.code == 0 and found.count("unrecognised") >= 5)
    found = bench.run("explain", "HLA.A", "CDK1", "--cell-line", "k562")
    yield Check("explain HLA.A CDK1", found.last, "names HLA-A", offered(found, "HLA-A"))


def names_in_ids(bench: Bench) -> Iterator[Check]:
    def renamed(rename: Callable[[str], str]) -> Path:
        return bench.questions(lambda rows: [[rename(row[0]), rename(row[1]), *row[2:]] for row in rows])

    def swapped(rows: Rows) -> Rows:
        other = {"train": "test", "test": "train"}
        return [[named(row[0]), named(row[1]), row[2], other[row[3]]] for row in rows]

    def named(symbol: str) -> str:
        return bench.ensembl.get(symbol, symbol)

    right = f"{bench.right_auroc:.3f}"
    for what, rename in (("Ensembl ids", named), ("lower case", str.lower), ("mouse style", str.capitalize)):
        found = bench.evaluate(renamed(rename))
        yield Check(f"questions in {what}", found.figure, right, same(found.auroc, bench.right_auroc))
    file = bench.case("07b") / "k562-ensembl-de.csv"
    symbols = {key: symbol for symbol, key in bench.ensembl.items()}
    translated = bench.new("k562-de.csv")
    translated.write_text(
        "".join(",".join(symbols.get(cell, cell) for cell in line.split(",")) for line in read(file).splitlines(True))
    )
    wanted, found = bench.evaluate(translated), bench.evaluate(file)
    holds = wanted.auroc is not None and same(found.auroc, wanted.auroc)
    yield Check("the file of ids, against its symbols", found.figure, wanted.figure, holds)
    found = bench.evaluate(bench.questions(swapped))
    yield Check("train and test swapped, in ids", found.figure, "exit 1: a leak", found.refused)


def no_genes(bench: Bench) -> Iterator[Check]:
    rows = rows_of(bench.case("08") / "rows.csv")
    found = bench.evaluate(bench.questions(lambda known: [*known, *rows]))
    holds = found.refused or found.count("unrecognised") >= 10
    yield Check("controls, guides and NaN", kinds(found), "at least 10 counted", holds)
    reported = offered(found, "TP53+ctrl") or offered(found, "TP53_sgRNA2")
    yield Check("the likely gene", essence(found.err, "sgRNA"), "TP53_sgRNA2: TP53", reported)
    for what, end in (("guide", "_sgRNA1"), ("combination", "+ctrl")):
        found = bench.evaluate(bench.questions(lambda known, end=end: [[row[0] + end, *row[1:]] for row in known]))  # type: ignore[misc]
        yield Check(f"every perturbation is a {what}", found.figure, "exit 1", found.refused)


def lines_and_labels(bench: Bench) -> Iterator[Check]:
    folder = bench.case("19")
    wanted = bench.evaluate(folder / "K562-DE.csv", None)
    right = wanted.auroc or 0.0
    spellings = (("K562_de.csv", None), ("K562-DE.csv", "K-562"), ("K562-DE.csv", "K562 "))
    for name, line in spellings:
        found = bench.evaluate(folder / name, line)
        what = name if line is None else f"--cell-line {line!r}"
        yield Check(what, found.figure, wanted.figure, same(found.auroc, right))
    for name in (
        "yesno-de.csv",
        "bool-de.csv",
        "minus-de.csv",
        "Train-de.csv",
        "val-de.csv",
        "contra-de.csv",
        "both-de.csv",
    ):
        found = bench.evaluate(folder / name)
        yield Check(name, found.last, "exit 1, one line", found.refused)


def leak_by_spelling(bench: Bench) -> Iterator[Check]:
    text = gzip.decompress((bench.case("19b") / "K562_de.csv.gz").read_bytes())
    for name, line in (("K562_de.csv", None), ("k562-de.csv", "K-562"), ("k562-de.csv", "k562")):
        file = bench.new(name)
        file.write_bytes(text)
        found = bench.evaluate(file, line)
        yield Check(f"{name}, line {line}", found.figure, "exit 1: a leak", found.refused)


def score_by_any_name(bench: Bench) -> Iterator[Check]:
    table, out = read(bench.case("24") / "names.csv").splitlines(), bench.new("scores.csv")
    one_gene = bench.new("names.csv")
    one_gene.write_text("\n".join(table[:5]) + "\n")
    found = bench.run("score", one_gene, "--out", out)
    now, differ = found.last, [""]
    if found.code == 0:
        with out.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        differ = [name for name in rows[0] if name not in table[0] and len({row[name] for row in rows}) > 1]
        now = f"{', '.join(differ)} differ" if differ else "all the same"
    yield Check("one gene under its names", now, "all the same", not differ)
    found = bench.run("score", bench.case("24") / "names.csv")
    yield Check("a subject called nan", found.last, "exit 1, names nan", found.refused and "nan" in found.last)
    composed = []
    for name in ("TP53", "ENSG00000141510", "P04637", "p53"):
        value = bench.run("explain", name, "MDM2", "--cell-line", "k562").document.get("composed")
        composed.append(None if value is None else round(value, 6))
    yield Check("composed, under four names", str(composed), "four times one value", len(set(composed)) == 1)
    own = bench.new("own.csv")
    own.write_text("subject,relation,object,cell_line,graph_path\nTP53,interacts_with,MDM2,,mine\n")
    found = bench.run("score", own, "--out", out)
    kept = found.refused or (found.code == 0 and "mine" in out.read_text("utf-8"))
    yield Check("a column graph_path of one's own", found.last, "kept, or exit 1", kept)
    own.write_bytes("subject,relation,object,cell_line,note\nTP53,interacts_with,MDM2,,caf\u00e9\n".encode("cp1252"))
    out.unlink(missing_ok=True)
    found = bench.run("score", own, "--out", out)
    changed = out.is_file() and "\ufffd" in out.read_text("utf-8")
    yield Check("a file in cp1252", "writes U+FFFD" if changed else found.last, "no U+FFFD", not changed)


def questions_of_ones_own(bench: Bench) -> Iterator[Check]:
    folder = bench.case("27")
    for name, right in (("plain", "held out"), ("ensembl", "held out"), ("lower", "held out"), ("ntc", "no gene")):
        found = bench.run("train", "policy", "--config", bench.recipe(folder / f"{name}.toml"), "--dry-run")
        yield Check(f"{name}.csv", found.last, f"exit 1: {right}", found.refused)
    for file in sorted(folder.glob("*.toml")):
        if file.stem not in ("plain", "ensembl", "lower", "ntc"):
            found = bench.run("train", "policy", "--config", bench.recipe(file), "--dry-run")
            yield Check(f"{file.stem}.csv", found.last, "one line, no fault", not found.faulty)
