"""Where in a file each hunk belongs: at exactly one place, or nowhere. Does not know what the hunks put there."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

import attrs

from coding_agent.tools.patching.document import Document
from coding_agent.tools.patching.nearest import describe_nearest
from coding_agent.tools.patching.values import FilePatch, Hunk, PatchRefused

MAX_LISTED = 10
MAX_COMPARED = 1_000_000
"""Lines of a file that are compared with a patch; only repetitive hunks in huge repetitive files need more."""


@attrs.frozen(kw_only=True)
class Placed:
    """A hunk and the index of the first line that it is about."""

    hunk: Hunk
    at: int

    @property
    def end(self) -> int:
        return self.at + len(self.hunk.old)


def place(patch: FilePatch, document: Document) -> tuple[Placed, ...]:
    """The hunks in the order of the file. Raises PatchRefused for one that fits nowhere, or not clearly."""
    search = _Search(patch, document)
    placed = [Placed(hunk=hunk, at=search.find(hunk)) for hunk in patch.hunks]
    placed.sort(key=lambda each: (each.at, each.end))
    for one, other in itertools.pairwise(placed):
        same_gap = one.at == one.end == other.at == other.end
        if other.at < one.end or same_gap:
            first, second = sorted((one.hunk.number, other.hunk.number))
            raise PatchRefused(f"{patch.source}: hunks {first} and {second} overlap; make them one.")
    return tuple(placed)


def _index(lines: Sequence[str]) -> Mapping[str, list[int]]:
    index: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        index[line].append(number)
    return index


class _Search:
    """Finds the place of one hunk after the other, and how much it may still look."""

    def __init__(self, patch: FilePatch, document: Document) -> None:
        self._source, self._document = patch.source, document
        self._index = _index(document.lines)
        self._compared = 0

    def find(self, hunk: Hunk) -> int:
        """Raises PatchRefused."""
        document = self._document
        where = f"{self._source}, hunk {hunk.number} ({hunk.header})"
        if not hunk.old:
            return _gap(where, hunk, document)
        old = [line.text for line in hunk.old]
        stated = hunk.start - 1
        if _is_at(old, stated, document) and _ends_alike(hunk, stated, document):
            return stated
        candidates = _candidates(old, self._index)
        self._compared += len(candidates) * len(old)
        if self._compared > MAX_COMPARED:
            raise PatchRefused(f"{where}: it fits in too many places to try. State its exact line in the header.")
        same = [at for at in candidates if _is_at(old, at, document)]
        places = [at for at in same if _ends_alike(hunk, at, document)]
        if len(places) == 1:
            return places[0]
        raise PatchRefused(f"{where}: {_why_not(hunk, document, places, same)}")


def _candidates(old: Sequence[str], index: Mapping[str, list[int]]) -> list[int]:
    """Places where the rarest of the old lines would be right."""
    rarest = min(range(len(old)), key=lambda number: len(index.get(old[number], ())))
    return [line - rarest for line in index.get(old[rarest], ())]


def _is_at(old: Sequence[str], at: int, document: Document) -> bool:
    if at < 0 or at + len(old) > len(document.lines):
        return False
    return all(document.lines[at + number] == line for number, line in enumerate(old))


def _ends_alike(hunk: Hunk, at: int, document: Document) -> bool:
    """What the hunk says of a missing newline at the end of the file is so at this place."""
    old, new = hunk.old, hunk.new
    if any(not line.newline for line in (*old[:-1], *new[:-1])):
        return False
    at_end = at + len(old) == len(document.lines)
    if not old[-1].newline and (not at_end or document.final_newline):
        return False
    return at_end or not new or new[-1].newline


def _gap(where: str, hunk: Hunk, document: Document) -> int:
    """The place of an insertion without context: an end of the file, stated."""
    count = len(document.lines)
    if hunk.start in (0, count):
        return hunk.start
    advice = f"Add the lines around it, or state line 0 (the beginning) or {count} (the end)"
    raise PatchRefused(f"{where}: an insertion without context. {advice}.")


def _why_not(hunk: Hunk, document: Document, places: Sequence[int], same: Sequence[int]) -> str:
    if not places:
        return f"its context is not in the file. {_why(hunk, document, same)}"
    listed = ", ".join(str(at + 1) for at in places[:MAX_LISTED]) + (", ..." if len(places) > MAX_LISTED else "")
    what = f"its context is at {len(places)} places, beginning at lines {listed}"
    return f"{what}. Add lines of context, or state one of these lines in the header."


def _why(hunk: Hunk, document: Document, same: Sequence[int]) -> str:
    if same:
        last = "ends with" if document.final_newline else "does not end with"
        return f"The lines are there, at {same[0] + 1}, but the file {last} a newline: see `\\ No newline`."
    if not document.lines:
        return "The file is empty."
    near = describe_nearest(document.lines, [line.text for line in hunk.old], hunk.start - 1)
    return near or "Nothing in it resembles the context; read the file again."
