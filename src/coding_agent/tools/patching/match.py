"""Where in a file each hunk belongs: at exactly one place, or nowhere. Does not know what the hunks put there."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import attrs

from coding_agent.tools.patching.document import Document
from coding_agent.tools.patching.nearest import describe_nearest
from coding_agent.tools.patching.values import FilePatch, Hunk, PatchRefused

MAX_LISTED = 10


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
    index = _index(document.lines)
    placed = [Placed(hunk=hunk, at=_find(patch, hunk, document, index)) for hunk in patch.hunks]
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


def _find(patch: FilePatch, hunk: Hunk, document: Document, index: Mapping[str, list[int]]) -> int:
    where = f"{patch.source}, hunk {hunk.number} ({hunk.header})"
    if not hunk.old:
        return _gap(where, hunk, document)
    places = [at for at in _candidates(hunk, index) if _fits(hunk, at, document)]
    if hunk.start - 1 in places:
        return hunk.start - 1
    if len(places) == 1:
        return places[0]
    if places:
        listed = ", ".join(str(at + 1) for at in places[:MAX_LISTED]) + (", ..." if len(places) > MAX_LISTED else "")
        what = f"its context is at {len(places)} places, beginning at lines {listed}"
        raise PatchRefused(f"{where}: {what}. Add lines of context, or state one of these lines in the header.")
    raise PatchRefused(f"{where}: its context is not in the file. {_why(hunk, document)}")


def _candidates(hunk: Hunk, index: Mapping[str, list[int]]) -> Iterator[int]:
    """Places where the hunk's rarest line would be right."""
    number, line = min(enumerate(hunk.old), key=lambda each: len(index.get(each[1].text, ())))
    return (found - number for found in index.get(line.text, ()))


def _fits(hunk: Hunk, at: int, document: Document) -> bool:
    old, new = hunk.old, hunk.new
    end = at + len(old)
    if at < 0 or end > len(document.lines):
        return False
    if any(document.lines[at + number] != line.text for number, line in enumerate(old)):
        return False
    at_end = end == len(document.lines)
    if any(not line.newline for line in (*old[:-1], *new[:-1])):
        return False
    ends_open = not old[-1].newline
    if ends_open and (not at_end or document.final_newline):
        return False
    return at_end or not new or new[-1].newline


def _gap(where: str, hunk: Hunk, document: Document) -> int:
    """The place of an insertion without context: an end of the file, stated."""
    count = len(document.lines)
    if hunk.start in (0, count):
        return hunk.start
    advice = f"Add the lines around it, or state line 0 (the beginning) or {count} (the end)"
    raise PatchRefused(f"{where}: an insertion without context. {advice}.")


def _why(hunk: Hunk, document: Document) -> str:
    expected = [line.text for line in hunk.old]
    size = len(expected)
    whole = [at for at in range(len(document.lines) - size + 1) if list(document.lines[at : at + size]) == expected]
    if whole:
        last = "does not end" if document.final_newline else "ends"
        return f"The lines are there, at {whole[0] + 1}, but the file {last} without a newline; see `\\ No newline`."
    if not document.lines:
        return "The file is empty."
    near = describe_nearest(document.lines, expected, hunk.start - 1)
    return near or "Nothing in it resembles the context; read the file again."
