"""Where text that was not found may have been meant: the nearest lines of a file, and what differs first."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Sequence

from coding_agent.tools.text import numbered

MAX_SHOWN = 12
MAX_COMMON = 200
"""A line that occurs more often than this says little about the place."""
MAX_COMPARED = 5000
"""Lines that are compared for likeness when none is the same, by their characters and how they begin …"""
MAX_ALIGNED = 50
"""… and those of them that are most alike, character by character, to a width of …"""
MAX_ALIGNED_WIDTH = 80
ALIKE = 0.6
MAX_WIDTH = 200
MAX_SEARCHED = 200_000
"""Lines of the file that are looked at, and votes that are counted: every other episode waits meanwhile."""


def describe_nearest(lines: Sequence[str], expected: Sequence[str], hint: int | None) -> str:
    """In words: the lines most like `expected`, and the first that differs. Empty when nothing is near.

    `hint` is the index where they were said to be.
    """
    position = _nearest(lines, expected, hint)
    if position is None:
        return ""
    differs = next((n for n, line in enumerate(expected) if _at(lines, position + n) != line), 0)
    first = max(0, min(position + differs - MAX_SHOWN // 2, position + len(expected) - MAX_SHOWN), position)
    shown = [line[:MAX_WIDTH] for line in lines[first : min(first + MAX_SHOWN, position + len(expected))]]
    wanted, found = expected[differs], _at(lines, position + differs)
    edge = "beginning" if position + differs < 0 else "end"
    what = f"the {edge} of the file" if found is None else f"`{found[:MAX_WIDTH]}`"
    blank = " (only whitespace differs)" if found is not None and _squeezed(found) == _squeezed(wanted) else ""
    said = f"Line {max(1, position + differs + 1)} differs first: expected `{wanted[:MAX_WIDTH]}`, found {what}{blank}."
    return f"{said} The nearest lines are:\n{numbered(first + 1, shown)}"


def _nearest(lines: Sequence[str], expected: Sequence[str], hint: int | None) -> int | None:
    votes = _votes(lines, expected)
    if votes:
        return max(votes, key=lambda place: (votes[place], -abs(place - (hint or 0)), -place))
    number = next((number for number, wanted in enumerate(expected) if wanted.strip()), None)
    if number is None:
        return _stated(lines, hint)
    like = _most_alike(lines[:MAX_COMPARED], expected[number])
    return _stated(lines, hint) if like is None else like - number


def _most_alike(lines: Sequence[str], wanted: str) -> int | None:
    """The first of the lines that are most like it, if any is."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted[:MAX_ALIGNED_WIDTH])
    quick: list[tuple[float, int]] = []
    for index, line in enumerate(lines):
        head = line[:MAX_ALIGNED_WIDTH]
        matcher.set_seq1(head)
        if matcher.real_quick_ratio() >= ALIKE and (ratio := matcher.quick_ratio()) >= ALIKE:
            begins = next((n for n, (a, b) in enumerate(zip(head, wanted, strict=False)) if a != b), len(head))
            quick.append((-ratio - begins / MAX_ALIGNED_WIDTH, index))
    best, place = ALIKE, None
    for _, index in sorted(quick)[:MAX_ALIGNED]:
        matcher.set_seq1(lines[index][:MAX_ALIGNED_WIDTH])
        ratio = matcher.ratio()
        if ratio > best or (ratio == best and (place is None or index < place)):
            best, place = ratio, index
    return place


def _votes(lines: Sequence[str], expected: Sequence[str]) -> Counter[int]:
    """For each place, how many lines would be the same there but for whitespace; lines exactly the same count twice."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, line in enumerate(lines[:MAX_SEARCHED]):
        places[_squeezed(line)].append(index)
    votes: Counter[int] = Counter()
    counted = 0
    for number, wanted in enumerate(expected[:MAX_SEARCHED]):
        key = _squeezed(wanted)
        found = places.get(key, ())
        if key and len(found) <= MAX_COMMON and counted < MAX_SEARCHED:
            counted += len(found)
            for index in found:
                votes[index - number] += 2 if lines[index] == wanted else 1
    return votes


def _stated(lines: Sequence[str], hint: int | None) -> int | None:
    return hint if hint is not None and 0 <= hint < len(lines) else None


def _at(lines: Sequence[str], index: int) -> str | None:
    return lines[index] if 0 <= index < len(lines) else None


def _squeezed(line: str) -> str:
    return "".join(line.split())
