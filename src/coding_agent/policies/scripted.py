"""`scripted`: a JSON Lines file, one assistant turn a line. For tests, demonstrations, and agents written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from coding_agent.errors import PolicyError, UsageError
from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall

_TURN_KEYS = {"content", "tool_calls", "finish_reason"}
_CALL_KEYS = {"id", "name", "arguments"}


@attrs.frozen
class ScriptedPolicy:
    """Turn t answers with line t, whatever the conversation says."""

    replies: tuple[PolicyReply, ...]
    spec: str
    privileged: bool = False

    @classmethod
    def from_file(cls, path: Path) -> ScriptedPolicy:
        """Raises UsageError naming file, line, key, expected and found."""
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: can not be read as text: {error}") from error
        replies = [_turn(f"{path}, line {n}", line, n) for n, line in enumerate(lines, start=1) if line.strip()]
        if not replies:
            raise UsageError(f"{path}: expected one assistant turn a line, found no line")
        return cls(tuple(replies), f"scripted:{path}")

    async def act(self, request: PolicyRequest) -> PolicyReply:
        if request.turn > len(self.replies):
            raise PolicyError(f"{self.spec} is over: it has {len(self.replies)} turns, this is turn {request.turn}")
        return self.replies[request.turn - 1]


def _turn(place: str, line: str, number: int) -> PolicyReply:
    try:
        turn = json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: expected one JSON object, found {line[:60]!r}: {error}") from None
    _check_keys(place, turn, _TURN_KEYS)
    calls = turn.get("tool_calls", [])
    if not isinstance(calls, list):
        raise UsageError(f"{place}: tool_calls: expected a list, found {calls!r}")
    return PolicyReply(
        content=_optional_text(place, turn, "content"),
        calls=tuple(_call(f"{place}: tool_calls[{i}]", call, f"call_{number}_{i}") for i, call in enumerate(calls)),
        finish_reason=_optional_text(place, turn, "finish_reason"),
    )


def _call(place: str, call: Any, default_id: str) -> RawCall:
    _check_keys(place, call, _CALL_KEYS)
    name, arguments = call.get("name"), call.get("arguments", {})
    if not isinstance(name, str):
        raise UsageError(f"{place}: name: expected text, found {name!r}")
    if not isinstance(arguments, str | dict):
        raise UsageError(f"{place}: arguments: expected an object, or raw text, found {arguments!r}")
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return RawCall(id=_optional_text(place, call, "id") or default_id, name=name, arguments=raw)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:index]))
        raise ValueError(f"the key {twice!r} is there twice")
    return value


def _check_keys(place: str, value: Any, keys: set[str]) -> None:
    if not isinstance(value, dict):
        raise UsageError(f"{place}: expected an object, found {value!r}")
    if extra := sorted(set(value) - keys):
        raise UsageError(f"{place}: expected keys of {', '.join(sorted(keys))}, found {extra[0]!r}")


def _optional_text(place: str, value: dict[str, Any], key: str) -> str | None:
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise UsageError(f"{place}: {key}: expected text or null, found {found!r}")
    return found
