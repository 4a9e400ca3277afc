"""Mending the counts in `@@` headers, which models often get wrong, before anything strict reads the patch.

A hunk whose counts are right is taken at its word. Otherwise it goes on to the next thing that can only be a header,
and its counts are those of the lines found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coding_agent.tools.patching.values import PatchRefused

HEADER = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)", re.DOTALL)
_OUTSIDE = ("diff --git ", "@@", "index ", "Only in ")
_EXTENDED = ("old mode ", "new mode ", "similarity index ", "rename from ", "rename to ", "copy from ", "copy to ",
             "new file mode ", "deleted file mode ", "dissimilarity index ", "GIT binary patch", "Binary files ",
             )  # fmt: skip


def with_true_counts(patch: str) -> tuple[list[str], list[str]]:
    """The patch's lines with true counts, and those of them that are in no hunk. Raises PatchRefused."""
    lines = _lines(patch)
    out: list[str] = []
    outside: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        if not line.startswith("@@"):
            out.append(line + "\n")
            outside.append(line)
            position += 1
            continue
        header = HEADER.fullmatch(line)
        if header is None:
            raise PatchRefused(f"line {position + 1}: expected `@@ -start,count +start,count @@`, found {line[:80]!r}.")
        end = _end(lines, position + 1, _count(header[2]), _count(header[4]))
        body = lines[position + 1 : end]
        old, new = _sizes(body)
        out.append(f"@@ -{header[1]},{old} +{header[3]},{new} @@{header[5]}\n")
        out.extend((text or " ") + "\n" for text in body)
        position = end
        _check_after(lines, position)
    return out, outside


def _lines(patch: str) -> list[str]:
    lines = patch.removesuffix("\n").split("\n")
    headers = [line for line in lines if line.startswith(("--- ", "+++ ", "@@ "))]
    # A patch that came through a CRLF channel as a whole has carriage returns on its headers too.
    carried = bool(headers) and all(line.endswith("\r") for line in headers)
    return [line.removesuffix("\r") for line in lines] if carried else lines


def _count(digits: str | None) -> int:
    return 1 if digits is None else int(digits)


def _end(lines: Sequence[str], start: int, old: int, new: int) -> int:
    """Where the body of the hunk that begins at `start` ends: as its counts say, else at the next header."""
    counted = _end_by_counts(lines, start, old, new)
    if counted is not None and _is_boundary(lines, _after_blanks(lines, counted)):
        return counted
    end = start
    while end < len(lines) and lines[end][:1] in ("", " ", "-", "+", "\\") and not _is_boundary(lines, end):
        end += 1
    while end > start and not lines[end - 1]:
        # Empty lines before a header are more likely a gap than context; to lose context is safe, to invent it is not.
        end -= 1
    return end


def _end_by_counts(lines: Sequence[str], start: int, old: int, new: int) -> int | None:
    position = start
    while old > 0 or new > 0:
        if position >= len(lines) or lines[position][:1] not in ("", " ", "-", "+", "\\"):
            return None
        kind = lines[position][:1]
        old -= kind in ("", " ", "-")
        new -= kind in ("", " ", "+")
        position += 1
    if old or new:
        return None
    return position + 1 if position < len(lines) and lines[position].startswith("\\") else position


def _after_blanks(lines: Sequence[str], position: int) -> int:
    while position < len(lines) and not lines[position]:
        position += 1
    return position


def _is_boundary(lines: Sequence[str], position: int) -> bool:
    """Nothing that is here can belong to a hunk."""
    if position >= len(lines):
        return True
    line, after = lines[position], lines[position + 1 : position + 3]
    if line.startswith((*_OUTSIDE, *_EXTENDED)):
        return True
    if line == "-- " and len(after) <= 1:
        return True
    return line.startswith("--- ") and bool(after) and after[0].startswith("+++ ")


def _sizes(body: Sequence[str]) -> tuple[int, int]:
    kinds = [line[:1] for line in body]
    same = kinds.count("") + kinds.count(" ")
    return same + kinds.count("-"), same + kinds.count("+")


def _check_after(lines: Sequence[str], position: int) -> None:
    """A line after a hunk that is neither header nor blank was meant to be part of it."""
    after = _after_blanks(lines, position)
    if after < len(lines) and not _is_boundary(lines, after):
        what = "every line of a hunk begins with a space, `+` or `-`"
        raise PatchRefused(f"line {after + 1} of the patch: {what}; found {lines[after][:80]!r}.")
