"""`search` in memory, for the patterns that Python's `re` and ripgrep read alike; every other one is refused.

Refused as `bad_pattern`, though ripgrep takes it: class sets (`[a&&b]`, `[[:alpha:]]`), `\\p{..}`, `\\x{..}`,
`(?<name>`, `\\<`, `\\>`, `\\z`, repeated repetition (`a++`), inline flags other than `i` and `s`, an unescaped `{` that
repeats nothing, and globs with `!`, `[` or nested braces. Look-around and back-references are refused by both. A file
that holds a NUL is binary and not searched.
"""

from __future__ import annotations

import os
import re
import warnings

from coding_agent.sandbox.base import Match, Refused, SearchResult
from coding_agent.sandbox.runtime.search import MAX_TEXT
from coding_agent.sandbox.simulated import nodes
from coding_agent.sandbox.simulated.nodes import Directory

UNLIKE = re.compile(
    r"""(?x)
      (?: \\[^dDwWsSbBAnrtfvaxu.^$*+?()\[\]{}|\\/\-\#&~\ "'%,:;=!@`_] )   # an escape that one of them reads otherwise
    | \\[xu](?![0-9a-fA-F]{2})
    | \(\?(?!:|P<|[is]+[:)])            # groups that are no groups
    | [*+?}][*+]                        # possessive there, repetition of a repetition here
    | \[[^\]]*(?:\[|&&|--|~~)           # sets of sets
    | (?<!\\)\{(?!\d+(?:,\d*)?\})       # a brace that is not a count
    | ^\{ | [(|]\{
    """
)


def search(
    root: Directory, pattern: str, *, path: str, glob: str | None, ignore_case: bool, max_matches: int
) -> SearchResult:
    """Matches sorted by path, then line. Raises Refused."""
    names = nodes.parts(path)
    where = "/".join(names)
    try:
        found = [(f"{where}/{p}" if where else p, f) for p, f in nodes.walk(nodes.directory(root, names, path))]
    except Refused as refused:
        if refused.code != "not_directory":
            raise
        found = [(where, nodes.file(root, path))]
    compiled, chosen = _compile(pattern, ignore_case=ignore_case), _glob(glob)
    matches = []
    for name, node in sorted(found, key=lambda each: [os.fsencode(part) for part in each[0].split("/")]):
        if isinstance(node, nodes.File) and b"\0" not in node.data and chosen.search(name):
            matches += [
                Match(path=name, line=number, text=_shown(line))
                for number, line in enumerate(_lines(node.data), start=1)
                if compiled.search(line.decode("utf-8", "surrogateescape"))
            ]
    return SearchResult(matches=tuple(matches[:max_matches]), omitted=max(0, len(matches) - max_matches))


def _compile(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    for sign in ("\0", "\n"):
        if sign in pattern:
            raise Refused("bad_pattern", pattern.replace("\0", "\\0"), "a pattern is one line without NUL")
    try:
        os.fsencode(pattern)
    except UnicodeEncodeError:
        raise Refused("bad_pattern", pattern.encode("utf-8", "backslashreplace").decode(), "not valid text") from None
    if UNLIKE.search(pattern):
        raise Refused("bad_pattern", pattern, "the simulated sandbox takes only what `re` and ripgrep read alike")
    try:
        with warnings.catch_warnings(action="error"):
            return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, RecursionError, OverflowError, FutureWarning, DeprecationWarning) as error:
        raise Refused("bad_pattern", pattern, str(error)) from None


def _glob(glob: str | None) -> re.Pattern[str]:
    """A glob without a slash fits a name at any depth; one with a slash the whole path."""
    if not glob:
        return re.compile("")
    if re.search(r"[\[\]!\\\0]|\{[^}]*\{", glob) or glob.count("{") != glob.count("}"):
        raise Refused("bad_pattern", glob.replace("\0", "\\0"), "a glob that the simulated sandbox does not take")
    anchored = "/" in glob.rstrip("/")
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    text, deep = "", 0
    for piece in re.findall(r"\*\*/|\*\*|.", glob.lstrip("/"), re.DOTALL):
        deep += (piece == "{") - (piece == "}")
        text += "|" if piece == "," and deep else pieces.get(piece, re.escape(piece))
    return re.compile(f"{'^' if anchored else '(?:^|/)'}{text}$", re.DOTALL)


def _lines(data: bytes) -> list[bytes]:
    return data.removesuffix(b"\n").split(b"\n") if data else []


def _shown(line: bytes) -> str:
    text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "[line cut]"
