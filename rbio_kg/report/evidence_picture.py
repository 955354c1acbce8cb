"""The cited piece of the graph as a small node-link picture: subject on the left, object on the right.

Nodes in between stand in columns by how far they are from both ends, and in lanes, so that each path reads from left
to right and no two labels meet. Nothing is random: the same evidence gives the same picture.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

import networkx as nx

from rbio_kg.core.claims import Claim, Evidence, Node, Verdict
from rbio_kg.report.citations import sentence, summary
from rbio_kg.report.phrases import visible

WIDTH = 480
EDGE_X = 54
"""Space at the left and right for the labels of subject and object."""

LANE, DIRECT_LANE = 62, 26
"""Heights of a lane with nodes and of one that only a direct relationship runs through."""

MOST_LANES = 7
"""Lanes with nodes in one picture; what does not fit is in the list below it."""

NODE_KINDS = {"Gene": "gene", "GoTerm": "term", "Pathway": "pathway"}
"""Node labels and the kinds by which they are drawn; any other label is drawn as `other`."""

NODE_KIND_NAMES = {"gene": "gene", "term": "GO term", "pathway": "pathway", "other": "other node"}
LOOKS = {
    "INTERACTS_WITH": "interaction",
    "ANNOTATED_WITH": "annotation",
    "MEMBER_OF": "membership",
    "REGULATES": "regulation",
    "KNOCKDOWN_CHANGES": "knockdown",
}
"""Relationship types and the names of their lines; any other type is drawn as `hierarchy`."""

LOOK_NAMES = {
    "interaction": "interacts with",
    "annotation": "annotated with",
    "membership": "member of",
    "regulation": "regulates",
    "knockdown": "knockdown changes",
    "hierarchy": "other relation",
}
_DIRECTED = {"regulation", "knockdown", "hierarchy"}


@dataclass(frozen=True)
class PictureNode:
    """A node in the picture; `lines` are its label, `title` its full name, `end` whether it is subject or object."""

    x: float
    y: float
    kind: str
    lines: tuple[str, ...]
    title: str
    end: bool


@dataclass(frozen=True)
class Link:
    """A relationship in the picture: an SVG path `d`, the head of a directed one, a stroke width and a title."""

    d: str
    head: str
    look: str
    width: float
    title: str


@dataclass(frozen=True)
class Picture:
    """A picture ready to be written as SVG, with what its legend must explain; `left_out` elements did not fit."""

    id: str
    title: str
    height: int
    nodes: tuple[PictureNode, ...]
    links: tuple[Link, ...]
    kinds: tuple[tuple[str, str], ...]
    looks: tuple[tuple[str, str], ...]
    left_out: int


def draw(id: str, claim: Claim, verdicts: Sequence[Verdict], names: Mapping[str, str]) -> Picture | None:
    """Lay out what all verdicts on a claim cite, or None where nothing is cited.

    Args:
        id: unique in the page.
        claim: the claim that was scored; its subject and object are drawn even where no relationship touches them.
        verdicts: whose evidence is drawn, each relationship once.
        names: human names by node key, where known.
    """
    elements = _distinct(_in_turn(verdicts))
    if not elements:
        return None
    subject, obj = Node("Gene", claim.subject), _object(claim, elements)
    positions, lanes, shown = _positions(elements, subject, obj)
    total = sum(LANE if lane else DIRECT_LANE for lane in lanes)
    height = max(total, LANE) + 24
    tops = _tops(lanes, height)
    middle = height / 2
    nodes = {
        subject: _node(subject, EDGE_X, middle, names, end=True),
        obj: _node(obj, WIDTH - EDGE_X, middle, names, end=True),
    }
    for node, (share, lane) in positions.items():
        nodes[node] = _node(node, round(EDGE_X + share * (WIDTH - 2 * EDGE_X), 1), tops[lane], names, end=False)
    direct = [tops[index] for index, lane in enumerate(lanes) if not lane]
    links, met = [], dict[frozenset[Node], int]()
    for element in shown:
        pair = frozenset((element.start, element.end))
        through = direct.pop(0) if pair == {subject, obj} else None
        links.append(
            _link(
                element,
                nodes[element.start],
                nodes[element.end],
                through=through,
                parallel=met.get(pair, 0),
                names=names,
            )
        )
        met[pair] = met.get(pair, 0) + 1
    drawn = {node.kind for node in nodes.values()}
    looks = {link.look for link in links}
    far_end = visible(names.get(claim.object, claim.object))
    return Picture(
        id,
        f"What the verifiers cite between {visible(claim.subject)} and {far_end}",
        int(height),
        tuple(nodes.values()),
        tuple(links),
        tuple((kind, name) for kind, name in NODE_KIND_NAMES.items() if kind in drawn),
        tuple((look, name) for look, name in LOOK_NAMES.items() if look in looks),
        len(elements) - len(shown),
    )


def _in_turn(verdicts: Sequence[Verdict]) -> list[Evidence]:
    """Every verdict's first path, then every verdict's second, and so on: no verifier crowds out the others."""
    queues = []
    for verdict in verdicts:
        paths = [list(steps) for _, steps in groupby(verdict.evidence, key=lambda element: element.path)]
        # More steps than a path can have: these are single citations that share a number.
        queues.append(
            [part for steps in paths for part in ([steps] if len(steps) <= 3 else [[step] for step in steps])]
        )
    return [element for turn in zip_longest(*queues, fillvalue=[]) for steps in turn for element in steps]


def _distinct(elements: Iterable[Evidence]) -> list[Evidence]:
    """Each relationship once, the weightiest citation of it, in order of first mention; self-loops left out."""
    found: dict[tuple[Any, ...], Evidence] = {}
    for element in elements:
        if element.start == element.end:
            continue
        key = (element.start, element.type, element.end, element.detail.get("cell_line"))
        if key not in found or element.weight > found[key].weight:
            found[key] = element
    return list(found.values())


def _object(claim: Claim, elements: Sequence[Evidence]) -> Node:
    """The object's node; its label is taken from the evidence, since a claim names only its key."""
    nodes = [node for element in elements for node in (element.end, element.start) if node.key == claim.object]
    if nodes:
        return nodes[0]
    return Node("GoTerm" if claim.object.startswith("GO:") else "Gene", claim.object)


Lane = list[Node]
"""The nodes of a lane; none where only a direct relationship runs through it."""


def _positions(
    elements: Sequence[Evidence], subject: Node, obj: Node
) -> tuple[dict[Node, tuple[float, int]], list[Lane], list[Evidence]]:
    """Where each node between the ends stands: (share of the way, lane); the lanes; the elements that fit."""
    graph = nx.Graph()
    graph.add_nodes_from((subject, obj))
    graph.add_edges_from((element.start, element.end) for element in elements)
    # A way through the other end is no way to that end.
    from_subject = nx.single_source_shortest_path_length(nx.restricted_view(graph, {obj} - {subject}, []), subject)
    from_object = nx.single_source_shortest_path_length(nx.restricted_view(graph, {subject} - {obj}, []), obj)
    positions: dict[Node, tuple[float, int]] = {}
    lanes: list[Lane] = []
    shown = []

    def home(node: Node, other: Node) -> int | None:
        """The lane of the other end, where there is space in it for this node."""
        lane = positions[other][1] if other in positions else None
        if lane is None or any(abs(positions[one][0] - share[node]) < 0.2 for one in lanes[lane]):
            return None
        return lane

    share = {node: _share(from_subject.get(node), from_object.get(node)) for node in graph}
    for element in elements:
        start, end = element.start, element.end
        new = [node for node in (start, end) if node not in positions and node not in (subject, obj)]
        if len(new) == 2:
            needed = 1 if abs(share[start] - share[end]) >= 0.2 else 2
        else:
            needed = sum(home(node, end if node == start else start) is None for node in new)
        if sum(bool(lane) for lane in lanes) + needed > MOST_LANES:
            continue
        for node in new:
            lane = home(node, end if node == start else start)
            if lane is None:
                lane = len(lanes)
                lanes.append([])
            lanes[lane].append(node)
            positions[node] = (share[node], lane)
        if {start, end} == {subject, obj}:
            lanes.append([])
        shown.append(element)
    return positions, lanes, shown


def _share(from_subject: int | None, from_object: int | None) -> float:
    """How far along the way from subject (0) to object (1) a node stands; a node on no path hangs near its end."""
    if from_subject is None and from_object is None:
        return 0.5
    if from_object is None:
        return 1 / 3
    if from_subject is None:
        return 2 / 3
    way = from_subject + from_object
    return from_subject / way if way else 0.5


def _tops(lanes: Sequence[Lane], height: float) -> list[float]:
    """The y of every lane: direct relationships in the middle, short paths around them, long ones outside."""
    order = sorted(range(len(lanes)), key=lambda index: (len(lanes[index]), index))
    above: list[int] = []
    below: list[int] = []
    for turn, index in enumerate(order):
        (below if turn % 2 else above).append(index)
    stack = [*reversed(above), *below]
    sizes = [LANE if lanes[index] else DIRECT_LANE for index in stack]
    y = (height - sum(sizes)) / 2
    tops = [0.0] * len(lanes)
    for index, size in zip(stack, sizes, strict=True):
        tops[index] = round(y + size / 2 - (8 if lanes[index] else 0), 1)
        y += size
    return tops


def _node(node: Node, x: float, y: float, names: Mapping[str, str], *, end: bool) -> PictureNode:
    kind = NODE_KINDS.get(node.label, "other")
    name = visible(names.get(node.key, ""))
    text = visible(node.key) if kind == "gene" or not name else name
    lines = textwrap.wrap(text, 22 if not end else 16, max_lines=2, placeholder="…", break_long_words=True)
    title = f"{NODE_KIND_NAMES[kind]} {visible(node.key)}" + (f": {name}" if name else "")
    return PictureNode(x, y, kind, tuple(lines or ["?"]), title, end)


def _link(
    element: Evidence,
    start: PictureNode,
    end: PictureNode,
    *,
    through: float | None,
    parallel: int,
    names: Mapping[str, str],
) -> Link:
    """A line that leaves and arrives level, so that its head points left or right."""
    look = LOOKS.get(element.type, "hierarchy")
    sign = 1 if end.x >= start.x else -1
    gap_start, gap_end = (20 if start.end else 12), (22 if end.end else 14)
    bulges = abs(end.x - start.x) < 1
    y0 = start.y + _fan(start, end.y if through is None else through)
    y1 = end.y + _fan(end, start.y if through is None else through) + 7 * parallel
    x0 = start.x + gap_start * sign
    x1 = end.x + gap_end if bulges else end.x - gap_end * sign
    points_left = bulges or sign < 0
    if through is not None:
        half, reach = (x0 + x1) / 2, (x1 - x0) * 0.22
        d = (
            f"M{x0:g} {y0:g}C{x0 + reach:g} {y0:g} {half - reach:g} {through:g} {half:g} {through:g}"
            f"S{x1 - reach:g} {y1:g} {x1:g} {y1:g}"
        )
    elif bulges:
        d = f"M{x0:g} {y0:g}C{x0 + 44:g} {y0:g} {x1 + 44:g} {y1:g} {x1:g} {y1:g}"
    else:
        reach = (x1 - x0) * 0.5
        d = f"M{x0:g} {y0:g}C{x0 + reach:g} {y0:g} {x1 - reach:g} {y1:g} {x1:g} {y1:g}"
    head = ""
    if look in _DIRECTED:
        tip, back = (x1 - 4, x1 + 5) if points_left else (x1 + 4, x1 - 5)
        if element.detail.get("sign") == -1:
            head = f"M{tip:g} {y1 - 6:g}V{y1 + 6:g}"
        else:
            head = f"M{back:g} {y1 - 5:g}L{tip:g} {y1:g}L{back:g} {y1 + 5:g}Z"
    weight = min(max(element.weight, 0.0), 1.0)
    return Link(d, head, look, round(1.2 + 2.0 * weight, 1), f"{sentence(element, names)} ({summary(element)})")


def _fan(node: PictureNode, other: float) -> float:
    """How far above or below a subject's or object's middle a line towards the height `other` is fixed."""
    return round(max(-10.0, min(10.0, (other - node.y) * 0.1)), 1) if node.end else 0.0
