"""Showing how two values differ: only where they do, bounded, with hash and length of what is not shown."""

from __future__ import annotations

import hashlib
import json

import attrs

from coding_agent.events.values import JSON

AROUND = 40
"""Characters that are shown on either side of a difference."""
WHOLE = 120
"""Values up to this length are shown whole."""


@attrs.frozen(kw_only=True)
class Contrast:
    """Two values side by side. `caret` is as long as the common beginning of what is shown."""

    recorded: str
    replayed: str
    caret: int
    """Characters of `recorded` and `replayed` before the first that differs."""
    note: str = ""
    """Where the shown part is, and what the whole is, when it is not all."""


def contrast(recorded: JSON, replayed: JSON) -> Contrast:
    """Where the two differ. Texts are shown as JSON writes them, so that spaces and control characters are seen."""
    left, right = _text(recorded), _text(replayed)
    same = _common(left, right)
    if max(len(left), len(right)) <= WHOLE:
        return Contrast(recorded=left, replayed=right, caret=same)
    start = max(0, same - AROUND)
    tail = min(_common(left[same:][::-1], right[same:][::-1]), min(len(left), len(right)) - same)
    shown = [_window(text, start, same, len(text) - tail) for text in (left, right)]
    note = f"at {_place(recorded, replayed, same)}; recorded {_whole(left)}, replayed {_whole(right)}"
    return Contrast(recorded=shown[0], replayed=shown[1], caret=same - start + (1 if start else 0), note=note)


def _text(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _common(left: str, right: str) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def _window(text: str, start: int, same: int, end: int) -> str:
    end = min(max(end, same) + AROUND, same + 2 * AROUND + WHOLE)
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _place(recorded: JSON, replayed: JSON, same: int) -> str:
    """Of a text in the text itself: `same` counts in its JSON form, where a line feed is two characters."""
    if not isinstance(recorded, str) or not isinstance(replayed, str):
        return f"character {same} of the JSON"
    at = _common(recorded, replayed)
    return f"line {recorded.count(chr(10), 0, at) + 1}, character {at}"


def _whole(text: str) -> str:
    return f"{len(text)} characters ({hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]})"
