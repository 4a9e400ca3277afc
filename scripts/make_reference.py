"""Write `docs/reference/events.md` and `docs/reference/cli.md` from the code, or (`--check`) say whether they are current."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import attrs
import click

from coding_agent.cli.main import COMMANDS, cli
from coding_agent.events import values
from coding_agent.events.codec import field_kinds
from coding_agent.events.schema import WIRE_NAMES

DOCS = Path(__file__).parent.parent / "docs" / "reference"


def events_page() -> str:
    """Every event and value class, its fields, their kinds and what they mean."""
    parts = [
        "# Events\n",
        "Generated from `src/coding_agent/events/`. Kinds: *derived* fields are recomputed by a sealed replay and must "
        "be equal; *given* fields came from outside; *observed* fields are never compared. A field that holds its "
        "default is not written.\n",
    ]
    for cls, wire in WIRE_NAMES.items():
        parts.append(_class(cls, f"## {cls.__name__} (`{wire}`)"))
    parts.append("# Values\n")
    for cls in vars(values).values():
        if inspect.isclass(cls) and attrs.has(cls):
            parts.append(_class(cls, f"## {cls.__name__}"))
    return "\n".join(parts)


def _class(cls: type[Any], title: str) -> str:
    hints = get_type_hints(cls, include_extras=True)
    docs = _field_docs(cls)
    rows = [f"{title}\n\n{inspect.getdoc(cls) or ''}\n\n| field | type | kind | |\n|---|---|---|---|"]
    for name, kind in field_kinds(cls).items():
        shown = _type(get_args(hints[name])[0]).replace("|", "\\|")
        rows.append(f"| `{name}` | `{shown}` | {kind.value} | {docs.get(name, '')} |")
    return "\n".join(rows) + "\n"


def _type(hint: Any) -> str:
    text = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    text = re.sub(r"typing\.Annotated\[(.+?), <FieldKind[^>]*>\]", r"\1", text)
    return re.sub(r"(coding_agent\.events\.\w+\.|typing\.|datetime\.)", "", text)


def _field_docs(cls: type[Any]) -> dict[str, str]:
    source = inspect.getsource(cls)
    found = re.findall(r'^    (\w+): .*\n    """((?:.|\n)*?)"""', source, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def cli_page() -> str:
    """`--help` of every command."""
    parts = ["# Command line\n", "Generated from `--help`.\n", _help(cli, "coding-agent")]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts.append(_help(command, f"coding-agent {name}"))
        if isinstance(command, click.Group):
            parts += [_help(sub, f"coding-agent {name} {key}") for key, sub in command.commands.items()]
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    text = re.sub(r"(--concurrency INTEGER RANGE.*?)\n", r"\1\n", command.get_help(context))
    return f"## `{name}`\n\n```text\n{text}\n```\n"


def main() -> int:
    """0 when everything is current (or was written)."""
    stale = []
    for file, text in ((DOCS / "events.md", events_page()), (DOCS / "cli.md", cli_page())):
        if "--check" in sys.argv:
            stale += [] if file.exists() and file.read_text() == text else [file.name]
        else:
            file.write_text(text)
    if stale:
        sys.stderr.write(f"not current: {', '.join(stale)}; run python scripts/make_reference.py\n")
    return len(stale)


if __name__ == "__main__":
    sys.exit(main())
