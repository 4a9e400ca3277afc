"""Where in a sampled text the arguments of the executed call stand, read in the order in which AReno reads.

AReno looks at each `<tool_call>` block in turn, wherever it stands, in a thought too, and the harness executes the
first call that is found. Without blocks it takes the text as a whole. Only a call written as JSON has a place here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Span = tuple[int, int]
"""First and after-last character."""
_BLOCK = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_OTHER_SYNTAX = re.compile(r"<function[= ]|<arg_key>|<\|tool_call>", re.IGNORECASE)
_decode = json.JSONDecoder().raw_decode


def arguments_span(text: str, name: str, arguments: str) -> Span | None:
    """The place of the arguments of the first call to `name`; None where it has others, or none, or is not in JSON."""
    try:
        span, found = next(_calls_to(name, text), (None, None))
        return span if _canonical(found) == _canonical(json.loads(arguments)) else None
    except (ValueError, RecursionError):
        return None


def _calls_to(name: str, text: str) -> Iterator[tuple[Span | None, Any]]:
    """Where the arguments of each call stand, and what they are."""
    blocks = [block.span(1) for block in _BLOCK.finditer(text)]
    if not blocks and _OTHER_SYNTAX.search(text):
        return
    for start, end in blocks or [(0, len(text))]:
        place = _outermost(text, start, end)
        for each in () if place is None else _listed(text, place):
            yield from _arguments_of(name, text, each)
        if _OTHER_SYNTAX.search(text, start, end):
            return  # a call may be here that came before all that follow


def _outermost(text: str, start: int, end: int) -> int | None:
    """Where the JSON begins that a piece of text is, or that stands between its first and last brace, or bracket."""
    spans = [(start, end), *((text.find(a, start, end), text.rfind(b, start, end) + 1) for a, b in ("{}", "[]"))]
    for first, last in spans:
        piece = text[max(first, start) : last]
        try:
            json.loads(piece.strip())
        except ValueError:
            continue
        return max(first, start) + len(piece) - len(piece.lstrip())
    return None


def _listed(text: str, place: int) -> list[int]:
    """The calls of what may be one, a list of them, or an object that has such a list."""
    listed = _members(text, place).get("tool_calls", place)
    return _elements(text, listed) if text[listed] == "[" else [place]


def _arguments_of(name: str, text: str, place: int) -> Iterator[tuple[Span | None, Any]]:
    call = _members(text, place)
    function = call.get("function", place)
    inner = _members(text, function) if function != place and text[function] == "{" else None
    said = _value(text, (inner or {}).get("name")) or _value(text, call.get("name"))
    at = (call if inner is None else inner).get("arguments", call.get("parameters" if inner is None else "arguments"))
    if said != name or not name:
        return
    if at is None:
        yield None, {}
        return
    value, end = _decode(text, at)
    found = json.loads(value) if isinstance(value, str) else value
    if isinstance(found, dict):
        yield (at, end), found


def _members(text: str, place: int) -> dict[str, int]:
    """Where the value of each key of a JSON object begins; empty for anything else."""
    found: dict[str, int] = {}
    at = _after_space(text, place + 1)
    while text[place] == "{" and text[at] != "}":
        key, at = _decode(text, at)
        at = _after_space(text, _after_space(text, at) + 1)
        found[key] = at
        at = _after_value(text, at)
    return found


def _elements(text: str, place: int) -> list[int]:
    """Where each element of a JSON array begins."""
    found: list[int] = []
    at = _after_space(text, place + 1)
    while text[at] != "]":
        found.append(at)
        at = _after_value(text, at)
    return found


def _after_value(text: str, at: int) -> int:
    """Past a value and the comma behind it."""
    at = _after_space(text, _decode(text, at)[1])
    return _after_space(text, at + 1) if text[at] == "," else at


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _value(text: str, at: int | None) -> Any:
    return None if at is None else _decode(text, at)[0]


def _canonical(value: Any) -> str:
    """Unlike the values themselves, it tells `true` from 1."""
    return json.dumps(value, sort_keys=True)
