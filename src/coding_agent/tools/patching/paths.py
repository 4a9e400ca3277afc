"""The paths in a patch's headers: unquoted, without `a/` and `b/`, and inside the workspace."""

from __future__ import annotations

import re

from coding_agent.tools.patching.values import PatchRefused

_NULL = "/dev/null"
_PREFIX = re.compile(r"[abciow12]/")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def unquoted(name: str) -> str:
    """A header's path; git quotes unusual ones as C strings of bytes."""
    name = name.rstrip("\r\n")
    if len(name) < 2 or name[0] != '"' or name[-1] != '"':
        return name.rstrip(" ")
    raw = _ESCAPE.sub(_unescaped, name[1:-1].encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def path_pair(source: str, target: str) -> tuple[str, str]:
    """Both sides of a header as the one path that they mean, `/dev/null` taking the other's. Raises PatchRefused."""
    if _NULL in (source, target):
        known = target if source == _NULL else source
        path = known[2:] if known.startswith("b/" if source == _NULL else "a/") else known
        return path, path
    if source == target:
        return source, source
    for old, new in ((_bare(source), _bare(target)), (source, _bare(target)), (_bare(source), target)):
        if old == new:
            return old, new
    what = "`---` and `+++` name two files"
    raise PatchRefused(f"{what}, {source!r} and {target!r}. To rename, add `rename from` and `rename to` lines.")


def check_path(path: str) -> None:
    """Raises PatchRefused for a path that can not be one of the workspace's."""
    parts = path.split("/")
    if not path or "\0" in path:
        raise PatchRefused(f"a path is missing or holds NUL: {path!r}.")
    if path.startswith("/"):
        raise PatchRefused(f"{path}: paths are relative to the workspace, not absolute.")
    if ".." in parts or "." in parts or "" in parts:
        raise PatchRefused(f"{path}: write the path without empty, `.` or `..` parts.")
    if ".git" in parts:
        raise PatchRefused(f"{path}: `.git` can not be changed.")


def _bare(path: str) -> str:
    return path[2:] if _PREFIX.match(path) else path


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _LETTERS.get(code, code)
