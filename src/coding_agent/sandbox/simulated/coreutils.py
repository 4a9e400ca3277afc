"""Commands of the simulated shell, each as much of its namesake as its few lines say."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

import anyio

from coding_agent.sandbox.base import WORKSPACE
from coding_agent.sandbox.simulated import nodes
from coding_agent.sandbox.simulated.nodes import Directory, File, Link, Special
from coding_agent.sandbox.simulated.process import Process

Command = Callable[[Sequence[str], Process], Awaitable[int]]


async def echo(words: Sequence[str], process: Process) -> int:
    process.write(" ".join(words) + "\n")
    return 0


async def printf(words: Sequence[str], process: Process) -> int:
    """`printf FORMAT [TEXT]`: `%s`, octal escapes, `\\n`."""
    text = words[0].replace("%s", "".join(words[1:])).replace("\\n", "\n")
    raw = text.encode("utf-8", "surrogateescape")
    process.write(re.sub(rb"\\([0-7]{1,3})", lambda found: bytes([int(found[1], 8)]), raw))
    return 0


async def cat(words: Sequence[str], process: Process) -> int:
    for path in words:
        process.write(process.read(path))
    return 0


async def pwd(_: Sequence[str], process: Process) -> int:
    process.write(WORKSPACE + "\n")
    return 0


async def seq(words: Sequence[str], process: Process) -> int:
    process.write("".join(f"{number}\n" for number in range(1, int(words[-1]) + 1)))
    return 0


async def sleep(words: Sequence[str], _: Process) -> int:
    await anyio.sleep(float(words[0]))
    return 0


async def true(_: Sequence[str], __: Process) -> int:
    return 0


async def false(_: Sequence[str], __: Process) -> int:
    return 1


async def touch(words: Sequence[str], process: Process) -> int:
    for path in words:
        if process.find(path) is None:
            process.put(path, b"")
    return 0


async def mkdir(words: Sequence[str], process: Process) -> int:
    for path in words:
        if path == "-p":
            continue
        here = process.root
        names = process.names(path)
        for depth, name in enumerate(names):
            below = here.entries.get(name)
            if below is None and (words[0] == "-p" or depth == len(names) - 1):
                below = here.entries[name] = Directory()
            if not isinstance(below, Directory):
                raise FileNotFoundError(2, nodes.MISSING, path)
            here = below
    return 0


async def mkfifo(words: Sequence[str], process: Process) -> int:
    for path in words:
        parent, name = process.parent(path)
        parent.entries[name] = Special()
    return 0


async def ln(words: Sequence[str], process: Process) -> int:
    """`ln -s TARGET PATH`"""
    _, target, path = words
    parent, name = process.parent(path)
    if name in parent.entries:
        raise FileExistsError(17, "File exists", path)
    parent.entries[name] = Link(target.encode("utf-8", "surrogateescape"))
    return 0


async def readlink(words: Sequence[str], process: Process) -> int:
    found = process.find(words[0])
    if isinstance(found, Link):
        process.write(found.target + b"\n")
    return 0 if isinstance(found, Link) else 1


async def rm(words: Sequence[str], process: Process) -> int:
    """`rm [-r|-f|-rf] PATH ...`"""
    options = "".join(word for word in words if word.startswith("-"))
    for path in (word for word in words if not word.startswith("-")):
        found = process.find(path)
        if found is None and "f" in options:
            continue
        parent, name = process.parent(path)
        if found is None:
            raise FileNotFoundError(2, nodes.MISSING, path)
        if isinstance(found, Directory) and "r" not in options:
            raise IsADirectoryError(21, "Is a directory", path)
        del parent.entries[name]
    return 0


async def chmod(words: Sequence[str], process: Process) -> int:
    """`chmod +x|-x PATH ...`"""
    for path in words[1:]:
        parent, name = process.parent(path)
        parent.entries[name] = File(process.read(path), words[0] == "+x")
    return 0


async def ls(words: Sequence[str], process: Process) -> int:
    """`ls [-a] [PATH ...]`, one name a line, in byte order."""
    paths = sorted(word for word in words if word != "-a") or ["."]
    blocks = []
    for path in paths:
        found = process.find(path)
        if isinstance(found, Link):
            found = process.find(found.target.decode("utf-8", "surrogateescape"))
        if not isinstance(found, Directory):
            raise FileNotFoundError(2, nodes.MISSING, path)
        shown = sorted(name for name in found.entries if "-a" in words or not name.startswith("."))
        names = [*([".", ".."] if "-a" in words else []), *shown]
        heading = [f"{path}:"] if len(paths) > 1 else []
        blocks.append("".join(f"{line}\n" for line in (*heading, *names)))
    process.write("\n".join(blocks))
    return 0


COMMANDS: dict[str, Command] = {
    command.__name__: command
    for command in (
        echo, printf, cat, pwd, seq, sleep, true, false, touch, mkdir, mkfifo, ln, readlink, rm, chmod, ls,
    )
}  # fmt: skip
