from __future__ import annotations

from rbio_kg.graph.schema.schema import NODES_BY_LABEL, RELATIONSHIPS


def test_every_relationship_type_can_be_put_into_a_sentence() -> None:
    assert [item.type for item in RELATIONSHIPS if not item.phrase] == []


def test_what_makes_a_relationship_unique_is_one_of_its_properties() -> None:
    for item in RELATIONSHIPS:
        assert {item.start, item.end} <= set(NODES_BY_LABEL)
        assert set(item.unique_by) <= {part.name for part in item.properties}
