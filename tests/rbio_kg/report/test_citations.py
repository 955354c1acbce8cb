from __future__ import annotations

from rbio_kg.core.claims import Evidence, Node, Status, Verdict
from rbio_kg.report.citations import citations, summary


def _gene(key: str) -> Node:
    return Node("Gene", key)


def _verdict(*evidence: Evidence) -> Verdict:
    return Verdict(0.5, Status.OK, evidence, "because", "graph_path")


def test_the_list_tells_all_that_is_cited() -> None:
    detail = {"source": "STRING", "score": 900, "empty": None, "references": ["1", "2"]}
    element = Evidence(_gene("A"), "INTERACTS_WITH", _gene("B"), 0.9, detail=detail)
    (listed,) = citations(_verdict(element), {})
    assert (listed.text, listed.source, listed.detail) == ("A interacts with B", "STRING", "references 1/2, score 900")
    (bare,) = citations(_verdict(Evidence(_gene("A"), "ODD_TYPE", _gene("B"), 0.9)), {})
    assert (bare.text, bare.source) == ("A odd type B", "source not stated")


def test_a_sign_becomes_a_verb_and_an_id_a_name() -> None:
    term = Evidence(_gene("A"), "ANNOTATED_WITH", Node("GoTerm", "GO:1"), 0.5)
    signs = [Evidence(_gene("A"), "REGULATES", _gene("B"), 0.5, detail={"sign": sign}) for sign in (1, -1, 0)]
    reported = [one.text for one in citations(_verdict(term, *signs), {"GO:1": "apoptosis", "A": "gene A"})]
    assert reported == ["A is annotated with apoptosis (GO:1)", "A activates B", "A represses B", "A regulates B"]
    assert summary(term) == "source not stated; weight 0.50"
