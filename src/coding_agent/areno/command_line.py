"""What the `areno train` that this process is was told on its command line, of which AReno tells its hooks nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def told(option: str, argv: Iterable[str] | None = None) -> str | None:
    """The option's value, the last time that it is given; None: not given, or this is no `areno train`."""
    if "areno.cli.train" not in sys.modules:
        return None
    words = list(sys.argv if argv is None else argv)
    found = None
    for word, after in zip(words, [*words[1:], ""], strict=False):
        if word == option:
            found = after
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found
