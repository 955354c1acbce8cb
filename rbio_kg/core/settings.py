"""Settings: a command-line flag, else the environment, else `rbio-kg.toml` in the workspace, else the default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from rbio_kg.core.errors import ConfigError
from rbio_kg.core.paths import WorkspacePaths

Origin = Literal["flag", "environment", "file", "default"]

PREFIX = "RBIO_KG_"
_PLAIN_ENVIRONMENT = {"neo4j_username": "NEO4J_USERNAME", "neo4j_password": "NEO4J_PASSWORD"}


class Settings(BaseModel):
    """Everything that can be set once for a workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Path | None = Field(None, description="folder laid out as the providers' download trees")
    store: str | None = Field(None, description="embedded:PATH, bolt://HOST or neo4j://HOST; default: in the workspace")
    min_score: int = Field(400, ge=0, le=1000, description="lowest STRING combined score that becomes an edge")
    textmining: bool = Field(True, description="whether STRING's combined score counts text mining")
    commercial_only: bool = Field(False, description="leave out sources whose licence forbids commercial use")
    neo4j_username: str = Field("neo4j", description="user of the Neo4j server")
    neo4j_password: SecretStr | None = Field(None, description="password of the Neo4j server; never shown")
    neo4j_database: str = Field("neo4j", description="database of the Neo4j server")
    query_timeout: float = Field(30.0, gt=0, description="seconds after which a Cypher statement is ended")
    query_limit: int = Field(1000, ge=1, description="most rows that a query returns")
    model: str = Field("smollm2", description="language model: smollm2 (bundled), a folder, or a hub id")
    seed: int = Field(0, ge=0, description="seed of everything that is random")


@dataclass(frozen=True)
class LoadedSettings:
    """The settings in force, and where each came from."""

    values: Settings
    origins: Mapping[str, Origin]


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise ConfigError(
            "the workspace is a file, not a folder",
            where=path.parent,
            hint="name a folder, or a new one, with --workspace",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the settings file cannot be read ({error})", where=path, hint="fix or remove it") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in Settings.model_fields:
        variable = _PLAIN_ENVIRONMENT.get(name, PREFIX + name.upper())
        if environment.get(variable):
            found[name] = environment[variable]
    return found


def load_settings(
    paths: WorkspacePaths, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> LoadedSettings:
    """Merge the settings of a workspace; a flag that is None counts as not given.

    Raises:
        ConfigError: the file is not TOML, a name is unknown or a value is out of range.
    """
    layers: tuple[tuple[Origin, dict[str, Any]], ...] = (
        ("file", _from_file(paths.settings_file)),
        ("environment", _from_environment(os.environ if environment is None else environment)),
        ("flag", {name: value for name, value in (flags or {}).items() if value is not None}),
    )
    merged: dict[str, Any] = {}
    origins: dict[str, Origin] = dict.fromkeys(Settings.model_fields, "default")
    for origin, layer in layers:
        for name, value in layer.items():
            merged[name] = value
            origins[name] = origin
    try:
        return LoadedSettings(Settings.model_validate(merged), origins)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        origin = origins.get(name, "file")
        place = {
            "file": str(paths.settings_file),
            "environment": _PLAIN_ENVIRONMENT.get(name, PREFIX + name.upper()),
            "flag": "--" + name.replace("_", "-"),
            "default": name,
        }[origin]
        raise ConfigError(
            f"setting {name!r}: {first['msg']}", where=place, hint="known settings: " + ", ".join(Settings.model_fields)
        ) from None
