from __future__ import annotations

import random
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rbio_kg.core.claims import Claim, Evidence, Node, Status, Verdict
from rbio_kg.report.evidence_picture import LOOKS, MOST_LANES, WIDTH, Picture, draw
from tests.support.runs import verdicts

CLAIM = Claim("A", "changes_expression_of", "B", cell_line="k562")


def _gene(key: str) -> Node:
    return Node("Gene", key)


def _verdict(*evidence: Evidence) -> Verdict:
    return Verdict(0.5, Status.OK, evidence, "because", "graph_path")


def _drawn(*evidence: Evidence) -> Picture:
    picture = draw("p", CLAIM, [_verdict(*evidence)], {})
    assert picture is not None
    return picture


def _at(picture: Picture, text: str) -> tuple[float, float]:
    return next((node.x, node.y) for node in picture.nodes if node.lines[0] == text)


def test_nothing_cited_is_no_picture() -> None:
    assert draw("p", CLAIM, [Verdict(None, Status.ABSTAIN)], {}) is None
    assert draw("p", CLAIM, [_verdict(Evidence(_gene("A"), "INTERACTS_WITH", _gene("A"), 1.0))], {}) is None


def test_a_path_reads_from_left_to_right_in_one_lane() -> None:
    steps = [("A", "X"), ("X", "Y"), ("Y", "B")]
    picture = _drawn(*(Evidence(_gene(a), "INTERACTS_WITH", _gene(b), 0.8) for a, b in steps))
    (ax, _), (xx, xy), (yx, yy), (bx, _) = (_at(picture, key) for key in "AXYB")
    assert ax < xx < yx < bx
    assert xy == yy


def test_a_stored_direction_against_the_path_does_not_matter() -> None:
    picture = _drawn(
        Evidence(_gene("X"), "INTERACTS_WITH", _gene("A"), 0.8), Evidence(_gene("B"), "INTERACTS_WITH", _gene("X"), 0.8)
    )
    assert _at(picture, "X")[0] == WIDTH / 2


def test_kinds_differ_in_shape_and_line_and_the_legend_names_only_those() -> None:
    term, pathway = Node("GoTerm", "GO:1"), Node("Pathway", "R-1")
    picture = draw(
        "p", CLAIM,
        [_verdict(Evidence(_gene("A"), "ANNOTATED_WITH", term, 0.5), Evidence(_gene("B"), "MEMBER_OF", pathway, 0.5),
                  Evidence(_gene("A"), "KNOCKDOWN_CHANGES", _gene("B"), 1.0, detail={"cell_line": "k562"}))],
        {"GO:1": "a term with a rather long and winding name indeed", "R-1": "Pathway one"},
    )  # fmt: skip
    assert picture is not None
    assert {node.kind for node in picture.nodes} == {"gene", "term", "pathway"}
    assert [name for _, name in picture.kinds] == ["gene", "GO term", "pathway"]
    assert [look for look, _ in picture.looks] == ["annotation", "membership", "knockdown"]
    term_node = next(node for node in picture.nodes if node.kind == "term")
    assert len(term_node.lines) == 2 and term_node.lines[1].endswith("…")
    assert term_node.title == "GO term GO:1: a term with a rather long and winding name indeed"
    heads = {link.look: bool(link.head) for link in picture.links}
    assert heads == {"annotation": False, "membership": False, "knockdown": True}


def test_repression_ends_in_a_bar_and_activation_in_an_arrow() -> None:
    down = Evidence(_gene("A"), "REGULATES", _gene("B"), 1.0, detail={"sign": -1, "source": "CollecTRI"})
    up = Evidence(_gene("B"), "REGULATES", _gene("A"), 1.0, detail={"sign": 1})
    picture = _drawn(down, up)
    bar, arrow = (link.head for link in picture.links)
    assert not bar.endswith("Z") and arrow.endswith("Z")
    assert picture.links[0].title == "A represses B (CollecTRI; weight 1.00)"


def test_one_verifier_does_not_crowd_out_another() -> None:
    many = _verdict(*(Evidence(_gene("A"), "INTERACTS_WITH", _gene(f"N{n}"), 0.9, n) for n in range(30)))
    one = _verdict(Evidence(_gene("P"), "KNOCKDOWN_CHANGES", _gene("B"), 0.1))
    picture = draw("p", CLAIM, [many, one], {})
    assert picture is not None
    assert "P" in {node.lines[0] for node in picture.nodes}
    assert len(picture.links) == MOST_LANES
    assert picture.left_out == 31 - MOST_LANES


_NODES = st.sampled_from(
    [_gene(key) for key in ("A", "B", "C", "D", "E", "F")] + [Node("GoTerm", "GO:1"), Node("Odd", "?")]
)
_EVIDENCE = st.builds(
    Evidence, _NODES, st.sampled_from([*LOOKS, "IS_A"]), _NODES, st.floats(0, 1), st.integers(0, 3),
    st.fixed_dictionaries({}, optional={"sign": st.sampled_from([-1, 0, 1]), "source": st.just("S")}),
)  # fmt: skip


@given(
    st.lists(st.lists(_EVIDENCE, max_size=12), max_size=4), st.sampled_from([CLAIM, Claim("A", "interacts_with", "A")])
)
def test_whatever_is_cited_is_drawn_inside_the_frame(cited: list[list[Evidence]], claim: Claim) -> None:
    judged = [_verdict(*evidence) for evidence in cited]
    picture = draw("p", claim, judged, {})
    distinct = {(e.start, e.type, e.end) for evidence in cited for e in evidence if e.start != e.end}
    if picture is None:
        assert not distinct
        return
    assert len(picture.links) + picture.left_out == len(distinct)
    for node in picture.nodes:
        assert 40 <= node.x <= WIDTH - 40
        assert 8 <= node.y <= picture.height - 20
    positions = [(node.x, node.y) for node in picture.nodes]
    assert len(positions) == len(set(positions))
    for link in picture.links:
        assert re.fullmatch(r"[MCSVLHZ\d. e-]+", link.d)
    assert draw("p", claim, judged, {}) == picture


def test_labels_in_the_same_lane_do_not_meet() -> None:
    chance = random.Random(3)
    picture = draw("p", CLAIM, verdicts(Claim("A", "increases", "B", cell_line="k562"), chance, simulated=False), {})
    assert picture is not None
    lanes: dict[float, list[float]] = {}
    for node in picture.nodes:
        if not node.end:
            lanes.setdefault(node.y, []).append(node.x)
    rows = sorted(lanes)
    assert all(b - a >= 40 for a, b in pairwise(rows))
    assert all(b - a >= 70 for xs in lanes.values() for a, b in pairwise(sorted(xs)))
