"""The page of the commands: usage, help and options of each, taken from the application itself.

`make docs` writes it into the site. It is not a file of docs/, so it cannot be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from rbio_kg.cli.app import PANELS, app
from rbio_kg.report.card_text import markdown_table

_TOP = """# Commands

Every command takes `--json` (one JSON document on standard output). `rbio-kg COMMAND --help` shows the same.

Exit codes: 0 success, 1 an error that you can fix, 2 wrong usage, 130 interrupted, 143 by SIGTERM, 129 by SIGHUP.
"""


def cli_document() -> str:
    """The page, one section for each subject and one heading for each command."""
    commands: dict[str, Any] = dict(get_command(app).commands)  # type: ignore[attr-defined]
    parts = [_TOP]
    listed = [(title, [name for name in names if name in commands]) for title, names in PANELS.items()]
    rest = sorted(set(commands) - {name for _, names in listed for name in names})
    for title, names in [*listed, ("Other", rest)]:
        if names:
            parts.append(f"## {title}\n")
            parts += [section for name in names for section in _sections(commands[name], f"rbio-kg {name}")]
    return "\n".join(parts)


def _sections(command: Any, line: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _sections(inner, f"{line} {name}")
        return
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [
        item for item in command.params if item.param_type_name == "option" and not getattr(item, "hidden", False)
    ]
    usage = " ".join([line, *(_argument(item) for item in arguments), "[OPTIONS]"])
    text = _plain(command.help)
    yield f"### {line.removeprefix('rbio-kg ')}\n\n{text}\n\n```text\n{usage}\n```\n"
    rows = [(f"`{_argument(item)}`", "", _plain(getattr(item, "help", None))) for item in arguments]
    rows += [
        (f"`{', '.join([*item.opts, *item.secondary_opts])}`", _default(item), _plain(item.help)) for item in options
    ]
    if rows:
        yield markdown_table(("argument or option", "default", "what it does"), [list(row) for row in rows]) + "\n"
    epilog = _plain(getattr(command, "epilog", None))
    if epilog:
        yield epilog + "\n"


def _argument(item: Any) -> str:
    name = (item.metavar or item.name).upper().strip("[]")
    return name if item.required else f"[{name}]"


def _default(item: Any) -> str:
    value = item.default
    if value is None or callable(value) or value in (False, (), [], "", Ellipsis) or item.required:
        return "required" if item.required else ""
    return f"`{value}`"


def _plain(text: str | None) -> str:
    """Help text without the markup of the terminal."""
    plain = re.sub(r"\[/?(?:bold|dim|cyan|green|yellow|red|italic)[^\]]*\]", "", text or "").replace("\b", "").strip()
    return plain.replace("|", "or").replace("<", "&lt;")
