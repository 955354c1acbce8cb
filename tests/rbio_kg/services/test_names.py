"""One gene under any of its names: the same verdicts and scores from every verifier; unknown names are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import SelectionError
from rbio_kg.workspace import Workspace
from tests.support.commands import fails, invoke

Built = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def opened(fitted: Built) -> Workspace:
    return Workspace(fitted[0])


def names_of(workspace: Workspace, symbol: str) -> list[str]:
    """Every label of a gene, in several cases, with versions and prefixes."""
    own = workspace.tables["names"].filter(symbol=symbol)
    labels = own["label"].to_list()
    cases = [change(label) for label in labels for change in (str.lower, str.upper)]
    versions = [f"{label}.7" for label in labels if label.startswith("ENSG")]
    prefixes = [f"NCBIGene:{label}" for label in own.filter(kind="entrez")["label"]]
    known = workspace.graph.identity
    return [label for label in [*labels, *cases, *versions, *prefixes] if known.gene(label).symbol == symbol]


def a_trained_pair(workspace: Workspace) -> tuple[str, str]:
    rows = workspace.tables["questions"].filter(split="train", task="de", cell_line="k562", label=1)
    genes = set(workspace.tables["genes"]["symbol"])
    return next((p, g) for p, g in rows.select("pert", "gene").rows() if {p, g} <= genes and p != g)


def test_all_names_of_a_gene_have_the_scores_of_its_symbol(opened: Workspace) -> None:
    pert, gene = a_trained_pair(opened)
    names = names_of(opened, pert)
    assert len(names) >= 8
    for relation in ("changes_expression_of", "interacts_with", "regulates"):
        line = "K-562" if relation == "changes_expression_of" else None
        plain = Claim(pert, relation, gene, line)
        for verifier in opened.verifier_names():
            if opened.verifier(verifier).kind != "claim":
                continue
            expected = opened.verifier(verifier).score([plain])
            claims = [Claim(name, relation, gene, line) for name in names]
            claims += [Claim(pert, relation, name, line) for name in names_of(opened, gene)]
            found = opened.verifier(verifier).score(claims)
            same = (found == expected) | (found != found) & (expected != expected)
            assert same.all(), (
                verifier,
                relation,
                [str(claim) for claim, ok in zip(claims, same, strict=True) if not ok],
            )


def test_an_explanation_is_of_the_gene_and_says_what_it_resolved(opened: Workspace) -> None:
    pert, gene = a_trained_pair(opened)
    plain = opened.explain(Claim(pert, "changes_expression_of", gene, "k562"))
    assert plain.remarks == () and plain.resolved == {}
    for name in names_of(opened, pert):
        found = opened.explain(Claim(name, "changes_expression_of", gene, " K 562"))
        assert (found.claim, found.composed, found.verdicts) == (plain.claim, plain.composed, plain.verdicts)
        assert found.resolved == ({} if name == pert else {name: pert})


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("TP533", "no gene is called 'TP533'"),
        ("TP53_sgRNA2", "looks like a guide or treatment (did you mean TP53?)"),
        ("non-targeting", "looks like a control"),
        ("TP53+ctrl", "looks like a combined perturbation (did you mean TP53?)"),
        ("ENSG00000999999", "looks like an identifier"),
    ],
)
def test_explain_refuses_what_is_no_gene(fitted: Built, subject: str, said: str) -> None:
    assert said in fails(fitted[0], "explain", subject, "MDM2", "--cell-line", "k562")
    assert said in fails(fitted[0], "explain", "MDM2", subject)


def test_an_unknown_cell_line_is_reported(fitted: Built, opened: Workspace) -> None:
    pert, gene = a_trained_pair(opened)
    remarks = opened.explain(Claim(pert, "changes_expression_of", gene, "K-526")).remarks
    assert "the graph knows no cell line k526" in remarks[0] and "did you mean k562" in remarks[0]
    document = invoke(fitted[0], "explain", pert, gene, "--cell-line", "hTERT K562 cells")
    assert document["remarks"]


def test_scores_under_other_names(fitted: Built, opened: Workspace, tmp_path: Path) -> None:
    pert, gene = a_trained_pair(opened)
    names = names_of(opened, pert)
    rows = {"subject": [pert, *names], "relation": "changes_expression_of", "object": gene, "cell_line": "k-562"}
    pl.DataFrame(rows).write_csv(tmp_path / "claims.csv")
    out = tmp_path / "scores.csv"
    document = invoke(fitted[0], "score", str(tmp_path / "claims.csv"), "--out", str(out))
    assert document["resolved"] == {name: pert for name in names if name != pert} and document["unrecognised"] == {}
    scores = pl.read_csv(out).drop("subject")
    assert all(scores.row(0) == row for row in scores.rows())


def test_unknown_names_in_a_table_are_refused_or_left_without_a_score(
    fitted: Built, opened: Workspace, tmp_path: Path
) -> None:
    pert, gene = a_trained_pair(opened)
    rows = {"subject": [pert, "nosuch", "ctrl"], "relation": "changes_expression_of", "object": gene}
    frame = pl.DataFrame(rows).with_columns(cell_line=pl.lit("k562"))
    frame.write_csv(tmp_path / "claims.csv")
    said = fails(fitted[0], "score", str(tmp_path / "claims.csv"))
    assert "2 of 3 rows name no gene" in said and "'nosuch' (line 3)" in said and "--unknown abstain" in said
    document = invoke(fitted[0], "score", str(tmp_path / "claims.csv"), "--unknown", "abstain")
    assert document["unrecognised"] == {"control": 1, "unknown": 1}
    with pytest.raises(SelectionError, match="nosuch"):
        opened.score(frame)
    scored = opened.score(frame, unknown="abstain")
    assert scored["graph_path"].null_count() == 2 and scored["subject"].to_list() == frame["subject"].to_list()


def test_terms_and_pathways_by_id_and_name(opened: Workspace) -> None:
    term = opened.tables["terms"].filter(pl.col("information_content") > 2).sort("id").row(0, named=True)
    gene = opened.tables["genes"]["symbol"][0]
    plain = opened.explain(Claim(gene, "takes_part_in", term["id"]))
    for name in (term["id"].lower(), term["id"].replace(":", "_"), term["name"].upper()):
        if opened.graph.identity.object(name) != term["id"]:
            continue  # The name of a pathway as well.
        assert opened.explain(Claim(gene, "takes_part_in", name)).verdicts == plain.verdicts
    with pytest.raises(SelectionError, match="no GO term or pathway is called 'GO:99'"):
        opened.explain(Claim(gene, "takes_part_in", "GO:99"))


def test_suggestions_are_taken_on_request_and_said(fitted: Built, opened: Workspace, tmp_path: Path) -> None:
    pert, gene = a_trained_pair(opened)
    guide = f"{pert}_sgRNA2"
    plain = opened.explain(Claim(pert, "changes_expression_of", gene, "k562"))
    claim = ("explain", guide, gene, "--cell-line", "k562")
    document = invoke(fitted[0], *claim, "--accept-suggestions")
    assert document["resolved"] == {guide: pert} and document["composed"] == plain.composed
    assert f"{guide} is taken as suggested: {pert}" in document["remarks"]
    assert "did you mean" in fails(fitted[0], *claim)
    file, out = tmp_path / "claims.csv", tmp_path / "out.csv"
    file.write_text(f"subject,relation,object,cell_line\n{guide},changes_expression_of,{gene},k562\n")
    assert "--accept-suggestions" in fails(fitted[0], "score", str(file))
    document = invoke(fitted[0], "score", str(file), "--accept-suggestions", "--out", str(out))
    assert document["resolved"] == {guide: pert} and document["unrecognised"] == {}
    expected = opened.verifier("expression").score([plain.claim])[0]
    assert pl.read_csv(out)["expression"][0] == pytest.approx(expected)


def test_an_unknown_name_of_a_table_has_its_nearest_genes(fitted: Built, opened: Workspace, tmp_path: Path) -> None:
    pert, gene = a_trained_pair(opened)
    file = tmp_path / "claims.csv"
    file.write_text(f"subject,relation,object,cell_line\n{pert}Q,changes_expression_of,{gene},k562\n")
    said = fails(fitted[0], "score", str(file))
    assert f"for '{pert}Q' " in said and pert in said.partition("the nearest")[2]
    assert "did you mean" in fails(fitted[0], "explain", f"{pert}Q", gene)
