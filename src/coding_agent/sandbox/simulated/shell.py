"""A very small `sh` and some of coreutils, over a tree in memory: enough for a policy to leave marks in a workspace.

It knows `;`, newline, `&&`, `||`, `>`, `>>`, quotes, `$PWD` and `$$`; no pipes, globs, loops or substitutions. What it
does not know ends with status 2 and says so. Paths stay in the workspace and never lead through a symlink.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coding_agent.sandbox.base import WORKSPACE
from coding_agent.sandbox.runtime.capture import Kept
from coding_agent.sandbox.simulated.coreutils import COMMANDS
from coding_agent.sandbox.simulated.process import Process

TOKEN = re.compile(
    r"""(?x)[ \t]*(?:
      (?P<operator> && | \|\| | [0-9]?>&[0-9] | >>? | ; | \n )
    | (?P<word> (?: [^\s;&|<>()'"\\`$*] | \\. | '[^']*' | "[^"\\`$]*" | \$PWD\b | \$\$ )+ )
    )"""
)
PIECE = re.compile(r"""\\(.)|'([^']*)'|"([^"]*)"|(\$PWD)|(\$\$)|(.)""", re.DOTALL)
MAX_REDIRECTED = 64 << 20


class Exit(Exception):
    """`exit N`, or the shell's own end by a signal."""

    def __init__(self, status: int) -> None:
        self.status = status


async def sh(argv: Sequence[str], process: Process) -> int:
    """`sh -c SCRIPT`, or one command by name."""
    if argv[0] not in {"/bin/sh", "sh"}:
        return await run(argv, process)
    try:
        return await _script(argv[2], process)
    except Exit as ending:
        return ending.status


async def run(argv: Sequence[str], process: Process) -> int:
    """One command. 127: there is none of this name; 126: it is there, and can not be run."""
    name = argv[0]
    command = COMMANDS.get(name)
    if command is None:
        found = process.find(name) if "/" in name else None
        process.write(f"{name}: {'command not found' if found is None else 'Permission denied'}\n")
        return 127 if found is None else 126
    try:
        return await command(argv[1:], process)
    except OSError as error:
        process.write(f"{name}: {error.filename}: {error.strerror}\n")
        return 1


async def _script(script: str, process: Process) -> int:
    status, skip = 0, False
    for words, operator in _commands(script, process):
        if words and not skip:
            status = await _simple(words, process)
        skip = (operator == "&&" and status != 0) or (operator == "||" and status == 0)
    return status


def _commands(script: str, process: Process) -> list[tuple[list[tuple[str, bool]], str]]:
    """[([(word, is an operator)], what follows)]"""
    found: list[tuple[list[tuple[str, bool]], str]] = []
    words: list[tuple[str, bool]] = []
    at = 0
    while script[at:].strip(" \t"):
        token = TOKEN.match(script, at)
        if token is None:
            process.write(f"sh: the simulated shell does not know {script[at:].strip()[:20]!r}\n")
            raise Exit(2)
        at = token.end()
        operator = token["operator"]
        if operator in {";", "\n", "&&", "||"}:
            found.append((words, operator))
            words = []
        else:
            words.append((operator or _unquoted(token["word"]), operator is not None))
    return [*found, (words, ";")]


def _unquoted(word: str) -> str:
    parts = []
    for escaped, single, double, cwd, pid, plain in PIECE.findall(word):
        parts.append(WORKSPACE if cwd else "$$" if pid else escaped + single + double + plain)
    return "".join(parts)


async def _simple(words: list[tuple[str, bool]], process: Process) -> int:
    argv, target, mode, rest = [], "", "", iter(words)
    for word, is_operator in rest:
        if is_operator and word in {">", ">>"}:
            mode, (target, _) = word, next(rest, ("", False))
        elif not is_operator:
            argv.append(word)
    if argv[:1] == ["exit"]:
        raise Exit(int(argv[1]) if len(argv) > 1 else 0)
    if argv[:1] == ["kill"] and argv[-1] == "$$":
        raise Exit(int(argv[1]))
    if not mode:
        return await run(argv, process)
    return await _redirected(argv, target, process, append=mode == ">>")


async def _redirected(argv: list[str], target: str, process: Process, *, append: bool) -> int:
    kept = Kept(MAX_REDIRECTED)
    try:
        process.put(target, b"", append=append)
    except OSError as error:
        process.write(f"sh: {target}: {error.strerror}\n")
        return 1
    status = await run(argv, Process(process.workspace, kept)) if argv else 0
    process.put(target, bytes(kept.data), append=True)
    return status
