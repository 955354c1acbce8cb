"""Values of a database as plain JSON values."""

from __future__ import annotations

import math
from typing import Any

from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time


def plain(value: Any) -> Any:
    """The value as JSON.

    A node becomes `{"labels", "properties"}`, a relationship `{"type", "properties"}`, a path `{"nodes",
    "relationships"}` in the order of the path; dates, times and durations become ISO 8601 text, a point
    `{"srid", "coordinates"}`, bytes hexadecimal text; a float that is not a number becomes None.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Node):
        return {"labels": sorted(value.labels), "properties": {key: plain(value[key]) for key in sorted(value.keys())}}
    if isinstance(value, Relationship):
        return {"type": value.type, "properties": {key: plain(value[key]) for key in sorted(value.keys())}}
    if isinstance(value, Path):
        return {
            "nodes": [plain(node) for node in value.nodes],
            "relationships": [plain(step) for step in value.relationships],
        }
    if isinstance(value, Point):
        return {"srid": value.srid, "coordinates": list(value)}
    if isinstance(value, (Date, DateTime, Duration, Time)):
        return value.iso_format()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return str(value)
