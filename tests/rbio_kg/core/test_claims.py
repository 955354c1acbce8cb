from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim, Evidence, Node, Relation, Status, Verdict
from rbio_kg.core.errors import ClaimError, RbioKGError, SourceError

texts = st.text(max_size=12)
scores = st.floats(0.0, 1.0)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
nodes = st.builds(Node, texts, texts)
elements = st.builds(
    Evidence, nodes, texts, nodes, scores, st.integers(0, 99), st.dictionaries(texts, values, max_size=3)
)
answers = st.tuples(scores, st.just(Status.OK)) | st.tuples(st.none(), st.sampled_from([Status.ABSTAIN, Status.ERROR]))
verdicts = st.builds(
    lambda answer, evidence, reason, verifier: Verdict(*answer, tuple(evidence), reason, verifier),
    answers,
    st.lists(elements, max_size=3),
    texts,
    texts,
)
names = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() != "")


@given(names, st.sampled_from(list(Relation)), names, st.one_of(st.none(), st.text(max_size=8)))
def test_a_claim_survives_pickling_and_keeps_its_id(
    subject: str, relation: Relation, object_: str, line: str | None
) -> None:
    claim = Claim(subject, relation, object_, line)
    copy = pickle.loads(pickle.dumps(claim))
    assert copy == claim
    assert copy.id == claim.id
    assert claim.cell_line is None or claim.cell_line == claim.cell_line.strip().lower() != ""


def test_claims_differ_by_every_part() -> None:
    ids = {
        Claim("A", "regulates", "B").id,
        Claim("B", "regulates", "A").id,
        Claim("A", "activates", "B").id,
        Claim("A", "regulates", "B", "k562").id,
    }
    assert len(ids) == 4


def test_a_relation_given_by_name_is_a_relation() -> None:
    claim = Claim("A", "regulates", "B")
    assert claim.relation is Relation.REGULATES
    assert dataclasses.replace(claim, relation="activates") == Claim("A", Relation.ACTIVATES, "B")
    with pytest.raises(ClaimError, match="unknown relation 'likes'; known: changes_expression_of, "):
        Relation.parse("likes")


@pytest.mark.parametrize("parts", [("", "regulates", "B"), ("A", "likes", "B"), ("A", "regulates", " ")])
def test_a_malformed_claim_is_refused(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ClaimError):
        Claim(*parts)


@pytest.mark.parametrize(
    ("score", "status"), [(None, Status.OK), (0.5, Status.ABSTAIN), (0.5, Status.ERROR), (1.5, Status.OK)]
)
def test_a_verdict_has_a_score_exactly_when_it_is_ok(score: float | None, status: Status) -> None:
    with pytest.raises(ClaimError):
        Verdict(score, status)


def test_a_verdict_is_plain_json() -> None:
    element = Evidence(Node("Gene", "A"), "REGULATES", Node("Gene", "B"), 0.5, 0, {"sign": -1})
    verdict = Verdict(0.25, Status.OK, (element,), "because", "graph_path")
    assert json.loads(json.dumps(verdict.to_json()))["evidence"][0]["detail"] == {"sign": -1}
    assert pickle.loads(pickle.dumps(verdict)).to_json() == verdict.to_json()


@given(verdicts)
def test_a_verdict_survives_json(verdict: Verdict) -> None:
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


@given(verdicts)
def test_equal_verdicts_have_equal_hashes(verdict: Verdict) -> None:
    copy = pickle.loads(pickle.dumps(verdict))
    assert copy == verdict
    assert hash(copy) == hash(verdict)
    assert {verdict, copy, *verdict.evidence, *copy.evidence} == {verdict, *verdict.evidence}


MALFORMED: list[Any] = [
    {},
    [],
    {"score": 0.5, "status": "abstain", "verifier": "v"},
    {"score": 0.5, "status": "sure", "verifier": "v"},
    {"score": "half", "status": "ok", "verifier": "v"},
    {"score": 0.5, "status": "ok", "verifier": "v", "evidence": [{"start": {"label": "Gene"}}]},
    {
        "score": 0.5,
        "status": "ok",
        "verifier": "v",
        "evidence": [Evidence(Node("Gene", "A"), "REGULATES", Node("Gene", "B"), float("nan")).to_json()],
    },
]


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_verdict_is_refused(value: Any) -> None:
    with pytest.raises(ClaimError):
        Verdict.from_json(value)


def test_an_error_says_what_where_and_what_to_do_and_survives_pickling() -> None:
    error = SourceError("three columns, not four", where="go.gaf", line=7, hint="download it again")
    assert str(error) == "go.gaf, line 7: three columns, not four; download it again"
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, SourceError)
    assert isinstance(copy, RbioKGError)
    assert str(copy) == str(error)
