"""What a model wrote between the braces of a call: strict JSON or a reason why not. Does not know any tool."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from coding_agent.events.text import escape
from coding_agent.events.values import JSON

MAX_BYTES = 4 << 20
MAX_INT = 2**53
MAX_DEPTH = 60
"""Below the log's own bound, so that arguments still fit under the event that carries them."""
_SPACE = re.compile(r"[ \t\n\r]*")
_NOT_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)


class _Refused(Exception):
    """Valid JSON that the log can not carry exactly."""


def parse_arguments(raw: str) -> tuple[dict[str, JSON] | None, str | None]:
    """The arguments and None, or None and why `raw` is not a JSON object. Nothing at all stands for `{}`."""
    if not raw.strip():
        return {}, None
    size = len(raw.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        return None, f"expected at most {MAX_BYTES} bytes, found {size}"
    if _depth(raw) > MAX_DEPTH:
        return None, f"expected at most {MAX_DEPTH} levels of nesting, found more"
    try:
        value = json.loads(
            raw, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        return None, _why(raw, error)
    except _Refused as refused:
        return None, str(refused)
    if type(value) is not dict:
        return None, f"expected a JSON object, found {json.dumps(value)[:60]}"
    return _escaped(value), None


def _why(raw: str, error: json.JSONDecodeError) -> str:
    """Where and why, in the same words under each Python: a recording is replayed by whichever is there."""
    if error.msg.startswith("Illegal trailing comma"):
        # Python 3.13 names the comma, those before it what does not follow.
        end = _SPACE.match(raw, error.pos + 1).end()  # type: ignore[union-attr]  # it matches nothing, too
        message = "Expecting value" if raw[end] == "]" else "Expecting property name enclosed in double quotes"
        error = json.JSONDecodeError(message, raw, end)
    return f"line {error.lineno}, column {error.colno}: {error.msg}"


def _depth(raw: str) -> int:
    depth = deepest = 0
    for bracket in _NOT_BRACKETS.sub("", raw):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise _Refused(f"expected each key once, found {escape(twice)!a} more than once")
    return found


def _constant(name: str) -> Any:
    raise _Refused(f"expected a finite number, found {name}")


def _integer(digits: str) -> int:
    if len(digits) > 17 or not -MAX_INT <= int(digits) <= MAX_INT:
        raise _Refused(f"expected an integer within ±2^53, found {digits[:40]}")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Refused(f"expected a finite number, found {digits[:40]}")
    return value


def _escaped(value: JSON) -> JSON:
    if type(value) is str:
        return escape(value)
    if type(value) is list:
        return [_escaped(item) for item in value]
    if type(value) is dict:
        return {escape(name): _escaped(item) for name, item in value.items()}
    return value
