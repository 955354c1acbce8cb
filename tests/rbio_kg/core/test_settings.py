from __future__ import annotations

from pathlib import Path

import pytest

from rbio_kg.core.errors import ConfigError
from rbio_kg.core.paths import WorkspacePaths
from rbio_kg.core.settings import load_settings


def test_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path)
    paths.settings_file.write_text("min_score = 500\nseed = 3\nquery_limit = 7\n")
    loaded = load_settings(paths, {"seed": 9, "store": None}, {"RBIO_KG_MIN_SCORE": "600", "RBIO_KG_SEED": "5"})
    assert (loaded.values.min_score, loaded.values.seed, loaded.values.query_limit) == (600, 9, 7)
    assert loaded.origins["min_score"] == "environment"
    assert loaded.origins["seed"] == "flag"
    assert loaded.origins["query_limit"] == "file"
    assert loaded.origins["store"] == "default"


def test_the_password_is_never_shown(tmp_path: Path) -> None:
    loaded = load_settings(WorkspacePaths(tmp_path), {}, {"NEO4J_PASSWORD": "hunter2", "NEO4J_USERNAME": "ann"})
    assert loaded.values.neo4j_username == "ann"
    assert loaded.values.neo4j_password is not None
    assert loaded.values.neo4j_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(loaded) + str(loaded.values)


@pytest.mark.parametrize(
    ("content", "environment", "place", "words"),
    [
        ("min_score = 2000", {}, "rbio-kg.toml", "min_score"),
        ("colour = 'red'", {}, "rbio-kg.toml", "colour"),
        ("min_score = ", {}, "rbio-kg.toml", "cannot be read"),
        ("", {"RBIO_KG_MIN_SCORE": "many"}, "RBIO_KG_MIN_SCORE", "min_score"),
        ("", {"RBIO_KG_QUERY_TIMEOUT": "0"}, "RBIO_KG_QUERY_TIMEOUT", "query_timeout"),
    ],
)
def test_a_bad_setting_names_its_place(
    tmp_path: Path, content: str, environment: dict[str, str], place: str, words: str
) -> None:
    paths = WorkspacePaths(tmp_path)
    paths.settings_file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(paths, {}, environment)
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_a_bad_secret_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path)
    paths.settings_file.write_text("neo4j_password = 12345\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(paths, {}, {})
    assert "12345" not in str(caught.value)


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path)
    paths.settings_file.write_text("\ufeffseed = 3\n", encoding="utf-8")
    assert load_settings(paths, {}, {}).values.seed == 3


def test_a_workspace_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("x")
    with pytest.raises(ConfigError, match=r"notes\.txt: the workspace is a file, not a folder; .*--workspace"):
        load_settings(WorkspacePaths(file), {}, {})
