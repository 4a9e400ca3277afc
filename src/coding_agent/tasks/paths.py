"""Globs over repository paths. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable


def matches(path: str, globs: Iterable[str]) -> bool:
    """Whether any glob matches the whole path: `*` and `?` stay within a component, `**` crosses them, and a leading
    `**/` also matches nothing."""
    return any(_compiled(glob).fullmatch(path) for glob in globs)


@functools.lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    parts = []
    at = 0
    while at < len(glob):
        for token, pattern in (("**/", "(?:.*/)?"), ("**", ".*"), ("*", "[^/]*"), ("?", "[^/]")):
            if glob.startswith(token, at):
                parts.append(pattern)
                at += len(token)
                break
        else:
            parts.append(re.escape(glob[at]))
            at += 1
    return re.compile("".join(parts), re.DOTALL)
