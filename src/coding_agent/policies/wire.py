"""Messages and tools as OpenAI chat completions write them, and replies read back. Pure; never guesses."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from coding_agent.errors import PolicyError
from coding_agent.events.text import escape
from coding_agent.events.values import JSON, Message, TokenRecord, ToolSchema, Usage
from coding_agent.policies.base import ContextOverflow, PolicyReply, RawCall

_KNOWN = frozenset({"role", "content", "tool_calls"})


def to_wire(message: Message) -> dict[str, JSON]:
    """One message, an assistant's with whatever else its server had put into it."""
    wire: dict[str, JSON] = {"role": message.role, "content": message.content, **message.extra}
    if message.calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw}}
            for call in message.calls
        ]
    if message.call_id is not None:
        wire["tool_call_id"] = message.call_id
    return wire


def tool_to_wire(tool: ToolSchema) -> dict[str, JSON]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def read_reply(body: Any, *, max_tokens: int | None, sampling: dict[str, JSON]) -> PolicyReply:
    """The reply in a response body. Raises PolicyError naming what is not as the protocol says, ContextOverflow."""
    areno = body.get("areno") if isinstance(body, dict) else None
    if isinstance(areno, dict) and areno.get("filtered"):
        raise ContextOverflow("the server filtered the request: it is longer than its prompt limit")
    choice = _item(_get(body, "choices", list, "choices"), "choices[0]")
    message = _get(choice, "message", dict, "choices[0].message")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise _wrong("choices[0].message.content", "text or null", content)
    usage = _usage(body.get("usage"))
    finish = choice.get("finish_reason")
    completion = _completion_length(areno, choice, usage)
    cut = finish == "length" or (max_tokens is not None and completion >= max_tokens)
    return PolicyReply(
        content=content,
        calls=_calls(message.get("tool_calls")),
        extra={key: _clean(value) for key, value in message.items() if key not in _KNOWN and value is not None},
        finish_reason=escape(finish) if isinstance(finish, str) else None,
        truncated=cut,
        sampling=sampling,
        usage=usage,
        tokens=_tokens(body, choice, areno),
    )


def _calls(value: Any) -> tuple[RawCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong("choices[0].message.tool_calls", "a list or null", value)
    calls = []
    for index, call in enumerate(value):
        place = f"choices[0].message.tool_calls[{index}]"
        function = _get(call, "function", dict, f"{place}.function")
        name = _get(function, "name", str, f"{place}.function.name")
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str | dict):
            raise _wrong(f"{place}.function.arguments", "text", arguments)
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        name_id = call.get("id")
        calls.append(RawCall(id=name_id if isinstance(name_id, str) else "", name=name, arguments=raw))
    return tuple(calls)


def _usage(value: Any) -> Usage:
    def count(key: str) -> int:
        found = value.get(key) if isinstance(value, dict) else None
        return found if type(found) is int and 0 <= found < 2**53 else 0

    return Usage(prompt_tokens=count("prompt_tokens"), completion_tokens=count("completion_tokens"))


def _completion_length(areno: Any, choice: Mapping[str, Any], usage: Usage) -> int:
    ids = areno.get("response_tokens") if isinstance(areno, dict) else choice.get("token_ids")
    return max(len(ids) if isinstance(ids, list) else 0, usage.completion_tokens)


def _tokens(body: Mapping[str, Any], choice: Mapping[str, Any], areno: Any) -> TokenRecord | None:
    if isinstance(areno, dict):
        prompt, ids, logprobs = (areno.get(key) for key in ("input_tokens", "response_tokens", "response_logprobs"))
        place = "areno.response_logprobs"
    else:
        prompt = choice.get("prompt_token_ids", body.get("prompt_token_ids"))
        ids = choice.get("token_ids", body.get("token_ids"))
        content = (choice.get("logprobs") or {}).get("content") if isinstance(choice.get("logprobs"), dict) else None
        logprobs = [_probability(each) for each in content] if isinstance(content, list) else None
        place = "choices[0].logprobs.content"
    if prompt is None or ids is None:
        return None
    if not _ids(prompt) or not _ids(ids):
        raise _wrong("token ids", "lists of integers", (prompt, ids))
    if not isinstance(logprobs, list) or len(logprobs) != len(ids):
        raise _wrong(place, f"{len(ids)} log-probabilities, one per completion id", logprobs)
    return TokenRecord(
        prompt_ids=tuple(prompt), completion_ids=tuple(ids), logprobs=tuple(_logprob(each) for each in logprobs)
    )


def _probability(entry: Any) -> Any:
    return entry.get("logprob") if isinstance(entry, dict) else None


def _ids(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 2**53 for each in value)


def _logprob(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("log-probability", "a number", value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _clean(value: Any) -> JSON:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if not isinstance(value, int) or abs(value) <= 2**53 else str(value)


def _get(value: Any, key: str, kind: type[Any], place: str) -> Any:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        expected = "a list" if kind is list else "an object" if kind is dict else "text"
        raise _wrong(place, expected, found)
    return found


def _item(value: list[Any], place: str) -> dict[str, Any]:
    if not value or not isinstance(value[0], dict):
        raise _wrong(place, "an object", value[:1])
    first: dict[str, Any] = value[0]
    return first


def _wrong(place: str, expected: str, found: object) -> PolicyError:
    return PolicyError(f"the server's answer: {place}: expected {expected}, found {repr(found)[:200]}")
