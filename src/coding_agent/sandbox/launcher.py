"""Starting bubblewrap as root without staying root: bind what is needed where anybody may go, drop to a uid, exec.

An interpreter may live below a home that only root can enter, so the binding happens first, in a private mount
namespace. `descend.py` is the program that does it.
"""

from __future__ import annotations

import functools
import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox import places


@attrs.frozen
class Binding:
    """One read-only view of a host path."""

    source: Path
    target: str


PROGRAM = Path(__file__).with_name("descend.py")
STAGE = "/tmp"  # noqa: S108
"""Covered in the private namespace, so that nothing has to be made, and nothing is left by whoever is killed."""


@functools.cache
def refuse_unreadable(kind: str, needed: Sequence[Path]) -> None:
    """Sandboxes of root run under another uid: raises SandboxUnavailable where it could not read what it needs."""
    for place in needed:
        found = next((path for path in (place, *sorted(place.rglob("*"))) if not _for_everybody(path)), None)
        if found is not None:
            raise SandboxUnavailable(
                kind, f"started by root, a sandbox runs as a user who can not read {found}",
                f"`chmod -R a+rX {place}`; files made under a umask such as 077 are only their owner's",
            )  # fmt: skip


def _for_everybody(path: Path) -> bool:
    mode = path.stat().st_mode if path.exists() else 0o777
    needed = 0o5 if stat.S_ISDIR(mode) or mode & 0o100 else 0o4
    return mode & needed == needed


def launcher_command(
    uid: int, bindings: Sequence[Binding], arguments: Callable[[Sequence[Binding]], list[str]]
) -> list[str]:
    """The command that binds everything below a traversable directory and becomes bubblewrap as `uid`."""
    binds = [(str(each.source), f"{STAGE}/{number}") for number, each in enumerate(bindings)]
    moved = [Binding(Path(target), each.target) for (_, target), each in zip(binds, bindings, strict=True)]
    program = str(places.bubblewrap())
    if not program.startswith("/usr/"):
        # The wheel's bwrap finds its library relative to itself, so their common parent directory moves along.
        package = places.bubblewrap().parent.parent
        libraries = package.with_name(f"{package.name}.libs")
        binds += [(str(package), f"{STAGE}/wheel/{package.name}"), (str(libraries), f"{STAGE}/wheel/{libraries.name}")]
        program = f"{STAGE}/wheel/{package.name}/_bin/bwrap"
    plan = {"stage": STAGE, "uid": uid, "binds": [bind for bind in binds if Path(bind[0]).exists()]}
    interpreter = str(places.python().executable)
    return [interpreter, "-I", "-S", "-B", str(PROGRAM), json.dumps(plan), program, *arguments(moved)]
