"""The folders and files of a workspace. Nothing is written outside it, except where an option names a path.

A path inside the workspace is recorded relative to it, so that a workspace can be copied, moved and archived.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkspacePaths:
    """The folders and files of one workspace."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """The user's settings, TOML."""
        return self.root / "rbio-kg.toml"

    @property
    def sources(self) -> Path:
        """Files downloaded by `fetch`, in the folder layout of the providers."""
        return self.root / "sources"

    @property
    def graph(self) -> Path:
        """Everything that is built from sources."""
        return self.root / "graph"

    @property
    def current_build(self) -> Path:
        """JSON: the id of the build in use, its sources and its store."""
        return self.graph / "current.json"

    @property
    def next_build(self) -> Path:
        """JSON of the same form: the build that is being loaded into the store, to be used when that is done."""
        return self.graph / "next.json"

    @property
    def builds(self) -> Path:
        """One folder per build."""
        return self.graph / "builds"

    def build(self, build_id: str) -> Path:
        """One build: `manifest.json`, `tables/`, `snapshot/`, `unmapped.tsv`."""
        return self.builds / build_id

    @property
    def parsed_sources(self) -> Path:
        """The cache of parsed sources."""
        return self.graph / "parsed"

    @property
    def store(self) -> Path:
        """The embedded database's folder."""
        return self.graph / "store"

    @property
    def models(self) -> Path:
        """Fitted verifiers and converted language models."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    def run(self, name: str) -> Path:
        """One training or evaluation run."""
        return self.runs / name

    def recorded(self, path: Path) -> str:
        """A path as the workspace's files record it: relative to the workspace if it is inside, else absolute."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return str(path.resolve())

    def located(self, recorded: str) -> Path:
        """The absolute path that `recorded` wrote."""
        return self.root / recorded

    @property
    def default_store(self) -> str:
        """Address of the store that is used where none is chosen."""
        return f"embedded:{self.store}"

    def command(self, text: str) -> str:
        """A command line that works as printed, for a shell in the present folder.

        It names the workspace where a command without `--workspace` takes another one, or may in another shell.
        """
        root, usual = self.root.absolute(), Path("workspace").absolute()
        plain = root == usual and not os.environ.get("RBIO_KG_WORKSPACE")
        return f"rbio-kg {text}" + ("" if plain else f" --workspace {shlex.quote(str(root))}")
