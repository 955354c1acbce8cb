"""What one command needs: its workspace, where output goes, progress, and errors turned into exit codes."""

from __future__ import annotations

import errno
import functools
import inspect
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbio_kg.core.errors import RbioKGError
from rbio_kg.core.interruption import exit_code, interrupting_signals, interruption_of
from rbio_kg.core.json_values import plain

if TYPE_CHECKING:
    from rbio_kg.workspace import Workspace

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", envvar="RBIO_KG_WORKSPACE", help="Folder that holds sources, graph, models, runs."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="More progress, and tracebacks.")]
AcceptOption = Annotated[
    bool, typer.Option("--accept-suggestions", help="Take the suggested gene where a name is not recognised.")
]
MostOption = Annotated[
    float,
    typer.Option("--max-unrecognised", min=0.0, max=1.0, help="Largest share of rows with names not recognised."),
]

StaleOption = Annotated[
    bool, typer.Option("--allow-stale", help="Use verifiers and stores of another build; outputs are marked `stale`.")
]

UnfinishedOption = Annotated[
    bool, typer.Option("--unfinished", help="Also use what is saved of a run that is not finished.")
]
"""Of the commands that use a run's policy."""

STEP_SECONDS = 2.0
"""Time between two progress lines of one stage."""


class Session:
    """One run of one command."""

    def __init__(self, root: Path, as_json: bool, verbose: bool, *, allow_stale: bool = False) -> None:
        self.root = root
        self.allow_stale = allow_stale
        self.as_json = as_json
        self.verbose = verbose
        self.resume: str | Callable[[], str] = "run the same command again: what was finished is kept"
        self._last = ("", 0.0)
        self._workspace: Workspace | None = None

    def workspace(self, **flags: Any) -> Workspace:
        """The workspace, with the flags of this command laid over its settings."""
        from rbio_kg.services.build import finish_interrupted_build
        from rbio_kg.workspace import Workspace

        workspace = self._workspace = Workspace(self.root, allow_stale=self.allow_stale, **flags)
        workspace.say_stale = self.say
        finish_interrupted_build(workspace, self.say)
        return workspace

    def close(self) -> None:
        """Let go of servers and files."""
        if self._workspace is not None:
            self._workspace.close()

    def keep(self, text: str) -> None:
        """Note what an interruption from now on leaves, and how to go on."""
        self.resume = text

    def kept(self) -> str:
        """What an interruption leaves now, and how to go on."""
        return self.resume if isinstance(self.resume, str) else self.resume()

    def progress(self, message: str, share: float | None = None) -> None:
        """Show progress on standard error: a new stage at once, steps of the same one every two seconds, its end."""
        stage = re.split(r"\d", message, maxsplit=1)[0]
        known, when = self._last
        now = time.monotonic()
        if stage == known and now - when < STEP_SECONDS and share != 1.0 and not self.verbose:
            return
        self._last = (stage, now)
        percent = "" if share is None else f" {100 * share:3.0f} %"
        print(f"  {message}{percent}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line for people, on standard error so that standard output stays data."""
        print(text, file=sys.stderr, flush=True)

    def remark(self, lines: Iterable[str]) -> None:
        """What people should know about the result, a line each."""
        for line in lines:
            self.say(line)

    def emit(self, document: Any, show: Callable[[], None]) -> None:
        """The result: the document with `--json`, else what `show` prints.

        A document gets the key `stale` where something of another build was used (`--allow-stale`).
        """
        stale = {} if self._workspace is None else self._workspace.stale
        if stale and isinstance(document, dict):
            document = {**document, "stale": stale}
        if self.as_json:
            # An escape of JSON's own where the output's encoding lacks a character.
            ascii_only = not (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
            print(json.dumps(plain(document), ensure_ascii=ascii_only, allow_nan=False))
        else:
            show()


def command(app: typer.Typer, name: str, **settings: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register `function(session, ...)` as a command with the options that every command has."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [item for item in signature.parameters.values() if item.name != "session"]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for key, default, kind in (
                ("workspace", Path("workspace"), WorkspaceOption),
                ("json", False, JsonOption),
                ("verbose", False, VerboseOption),
                ("allow_stale", False, StaleOption),
            )
        ]

        @functools.wraps(function)
        def run(
            *, context: typer.Context, workspace: Path, json: bool, verbose: bool, allow_stale: bool, **arguments: Any
        ) -> None:
            session = Session(_named_first(context, workspace), json, verbose, allow_stale=allow_stale)
            code = guarded(session, functools.partial(function, session, **arguments))
            if code:
                raise typer.Exit(code)

        first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [first, *(item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own), *shared]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in parameters} | {"return": None}
        app.command(name, **settings)(run)
        return function

    return register


def _named_first(context: typer.Context, workspace: Path) -> Path:
    """The workspace of this command: its own option, else the one given before the command, else what it is."""
    given, source = context.find_root().obj, context.get_parameter_source("workspace")
    own = source is not None and source.name == "COMMANDLINE"
    return given if isinstance(given, Path) and not own else workspace


def guarded(session: Session, call: Callable[[], None]) -> int:
    """Run a command's body; the exit code says how it ended, standard error says why."""
    try:
        with interrupting_signals():
            try:
                call()
            finally:
                session.close()
    except (Exception, KeyboardInterrupt) as error:
        ended = interruption_of(error)
        return _failed(session, error) if ended is None else _interrupted(session, ended)
    return 0


def _interrupted(session: Session, interruption: KeyboardInterrupt) -> int:
    with suppress(OSError):  # after SIGHUP the terminal may be gone
        print(f"interrupted: {session.kept()}", file=sys.stderr)
    return exit_code(interruption)


def _failed(session: Session, error: BaseException) -> int:
    if isinstance(error, RbioKGError):
        return _fail(session, str(error))
    if isinstance(error, BrokenPipeError):
        # The reader (head, less) has gone: nothing is wrong, and nothing more can be said on standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        where = error.filename or session.root
        full = error.errno == errno.ENOSPC or f"os error {errno.ENOSPC}" in str(error)
        hint = "free some space and run the command again" if full else "check the path and rights"
        return _fail(session, f"{where}: {error.strerror or error}; {hint}")
    if isinstance(error, typer.BadParameter):
        raise error  # wrong usage: typer says so, with exit code 2
    if isinstance(error, typer.Exit):
        return error.exit_code
    return _fail(
        session, f"a fault in rbio-kg ({type(error).__name__}: {error}); run again with --verbose and report it"
    )


def _fail(session: Session, text: str) -> int:
    if session.verbose:
        traceback.print_exc()
    print("error: " + " ".join(text.split()), file=sys.stderr)
    return 1
