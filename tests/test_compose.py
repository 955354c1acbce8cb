"""The compose file starts a Neo4j that only this machine reaches, with a password from the environment."""

from __future__ import annotations

import yaml

from tests.support.locations import DOCS, ROOT


def test_the_server_is_private_and_holds_no_password() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    service = yaml.safe_load(text)["services"]["neo4j"]
    assert service["image"].startswith("neo4j:5")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["environment"]["NEO4J_AUTH"].startswith("neo4j/${NEO4J_PASSWORD:?")
    assert service["volumes"] == ["data:/data"]


def test_the_documentation_shows_it() -> None:
    page = (DOCS / "howto" / "neo4j.md").read_text(encoding="utf-8")
    for part in ("compose.yaml", "docker compose up --wait", "NEO4J_PASSWORD", "bolt://localhost"):
        assert part in page
