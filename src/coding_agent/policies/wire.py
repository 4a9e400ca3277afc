"""Messages and tools as OpenAI chat completions write them, and replies read back. Pure; never guesses.

Content and calls come out as the server wrote them, lone surrogates included: the recorder makes them representable.
Everything else that goes into a log as it is (`extra`, the finish reason) is made representable here. Tokens are
`wire_tokens`' affair.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from coding_agent.events.text import escape
from coding_agent.events.values import JSON, Message, ModelToolCall, ToolSchema, Usage
from coding_agent.policies.base import ContextOverflow, PolicyReply, RawCall
from coding_agent.policies.wire_tokens import BadAnswer, completion_length, read_tokens, wrong

__all__ = ["BadAnswer", "call_to_wire", "parse_body", "read_reply", "says_too_long", "to_wire", "tool_to_wire"]

MAX_DEPTH = 32
_KNOWN = frozenset({"role", "content", "tool_calls"})
_TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "model's context length",
    "exceed_context_size_error",
    "exceeds the available context size",
)
"""OpenAI and vLLM, SGLang, llama.cpp."""


def to_wire(message: Message) -> dict[str, JSON]:
    """One message, an assistant's with whatever else its server had put into it."""
    wire: dict[str, JSON] = {**message.extra, "role": message.role, "content": message.content}
    if message.calls:
        wire["tool_calls"] = [call_to_wire(call) for call in message.calls]
    elif message.content is None and not message.extra:
        wire["content"] = ""  # a message of nothing at all is refused by most servers
    if message.call_id is not None:
        wire["tool_call_id"] = message.call_id
    return wire


def call_to_wire(call: ModelToolCall) -> dict[str, JSON]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _object(call.raw)}}


def _object(raw: str) -> str:
    """Arguments that every server takes in a history: many parse them, and refuse all of it where they can not."""
    try:
        if type(orjson.loads(raw)) is dict:
            return raw
    except orjson.JSONDecodeError:
        pass
    return json.dumps({"malformed": raw}) if raw.strip() else "{}"


def tool_to_wire(tool: ToolSchema) -> dict[str, JSON]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def parse_body(raw: bytes) -> Any:
    """A response body as JSON, with `NaN`, `-Infinity` and lone surrogates as Python writes them. Raises BadAnswer."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            return json.loads(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise BadAnswer("the answer is not JSON") from None


def says_too_long(text: str) -> bool:
    """Whether an error's text means that the prompt does not fit the model's context."""
    return any(phrase in text for phrase in _TOO_LONG)


def read_reply(body: Any, *, sampling: dict[str, JSON]) -> PolicyReply:
    """The reply in a response body. Raises BadAnswer naming what is not as the protocol says, ContextOverflow."""
    _check_for_error(body)
    choices = _get(body, "choices", list, "choices")
    choice = choices[0] if choices else None
    if not isinstance(choice, dict):
        raise wrong("choices[0]", "an object", choice)
    message = _get(choice, "message", dict, "choices[0].message")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise wrong("choices[0].message.content", "text or null", content)
    usage, finish = _usage(body.get("usage")), choice.get("finish_reason")
    limit = sampling.get("max_tokens", sampling.get("max_completion_tokens"))
    length = completion_length(body, choice, usage)
    return PolicyReply(
        content=content,
        calls=_calls(message.get("tool_calls")),
        extra={escape(key): _clean(value) for key, value in message.items() if key not in _KNOWN and value is not None},
        finish_reason=escape(finish) if isinstance(finish, str) else None,
        truncated=finish == "length" or (isinstance(limit, int) and length >= limit),
        sampling=sampling,
        usage=usage,
        tokens=read_tokens(body, choice),
    )


def _check_for_error(body: Any) -> None:
    if not isinstance(body, dict):
        raise wrong("the answer", "an object", body)
    areno = body.get("areno")
    if isinstance(areno, dict) and areno.get("filtered"):
        raise ContextOverflow("the server filtered the request: it is longer than its prompt limit")
    if body.get("error") and not body.get("choices"):  # with status 200, as some servers and proxies do
        error = _dumps("error", body["error"])[:500]
        raise (
            ContextOverflow(error) if says_too_long(error) else BadAnswer(f"the server failed with status 200: {error}")
        )


def _calls(value: Any) -> tuple[RawCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong("choices[0].message.tool_calls", "a list or null", value)
    calls = []
    for index, call in enumerate(value):
        place = f"choices[0].message.tool_calls[{index}]"
        function = _get(call, "function", dict, f"{place}.function")
        name = _get(function, "name", str, f"{place}.function.name")
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str | dict):
            raise wrong(f"{place}.function.arguments", "text", arguments)
        # Some servers send the object itself; what the model wrote is then known only up to spacing.
        raw = _dumps(f"{place}.function.arguments", arguments) if isinstance(arguments, dict) else arguments or ""
        name_id = call.get("id")
        calls.append(RawCall(id=name_id if isinstance(name_id, str) else "", name=name, arguments=raw))
    return tuple(calls)


def _usage(value: Any) -> Usage:
    def count(key: str) -> int:
        found = value.get(key) if isinstance(value, dict) else None
        return found if type(found) is int and 0 <= found < 2**53 else 0

    return Usage(prompt_tokens=count("prompt_tokens"), completion_tokens=count("completion_tokens"))


def _clean(value: Any, depth: int = 0) -> JSON:
    if depth > MAX_DEPTH:
        raise wrong("choices[0].message", f"at most {MAX_DEPTH} levels", type(value).__name__)
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(key): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    exact = not isinstance(value, int | float) or (
        math.isfinite(value) if isinstance(value, float) else abs(value) <= 2**53
    )
    return value if exact else str(value)


def _get(value: Any, key: str, kind: type[Any], place: str) -> Any:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        expected = "a list" if kind is list else "an object" if kind is dict else "text"
        raise wrong(place, expected, found)
    return found


def _dumps(place: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise wrong(place, "JSON of fewer levels", value) from None
