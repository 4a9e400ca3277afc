"""What may follow `?` in an `openai` spec: options by name, checked here; what is sampled with is sent and recorded."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlencode

import attrs
import orjson

from coding_agent.errors import UsageError
from coding_agent.events.values import JSON

PER_TURN = "turn"
"""`seed=turn`: drawn from the episode's seed and the turn, so that samples differ and a run can be had again."""
MOST = 2**31
"""More than anybody asks for; what no server would parse is refused here."""


@attrs.frozen
class Option:
    """A value's type and range, both ends included."""

    kind: Literal["number", "integer", "truth"]
    low: float = -math.inf
    high: float = math.inf

    def expected(self) -> str:
        if self.kind == "truth":
            return "true or false"
        bounds = [f"at least {self.low:g}"] if math.isfinite(self.low) else []
        if self.high < MOST:
            bounds.append(f"at most {self.high:g}")
        return " ".join(["an" if self.kind == "integer" else "a", self.kind, " and ".join(bounds)])

    def read(self, text: str) -> JSON:
        """Raises ValueError."""
        if self.kind == "truth":
            return {"true": True, "false": False}[text]
        value = int(text) if self.kind == "integer" else float(text)
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(text)
        return value


OPTIONS: dict[str, Option] = {
    "temperature": Option("number", 0.0),
    "top_p": Option("number", 0.0, 1.0),
    "top_k": Option("integer", -1, MOST),
    "min_p": Option("number", 0.0, 1.0),
    "max_tokens": Option("integer", 1, MOST),
    "max_completion_tokens": Option("integer", 1, MOST),
    "presence_penalty": Option("number", -2.0, 2.0),
    "frequency_penalty": Option("number", -2.0, 2.0),
    "repetition_penalty": Option("number", 0.0),
    "seed": Option("integer", 0, 2**53),
    "logprobs": Option("truth"),
    "top_logprobs": Option("integer", 0, MOST),
    "return_token_ids": Option("truth"),
    "timeout_s": Option("number", 0.001),
}
NAMED = ("temperature", "top_p", "max_tokens", "timeout_s")
"""Those that `OpenAIChatPolicy` knows by name; the others are further fields of the request."""


def read_options(query: str) -> dict[str, JSON]:
    """`a=1&b=2` as values. Raises UsageError naming the option; what is unknown is not repeated: it may be a key."""
    found: dict[str, JSON] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            near = difflib.get_close_matches(name, OPTIONS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"policy: after ? expected options of {', '.join(OPTIONS)}, found {name!r}{hint}")
        if name in found:
            raise UsageError(f"policy: {name} is given twice")
        found[name] = _value(name, text)
    return found


def _value(name: str, text: str) -> JSON:
    option = OPTIONS[name]
    if name == "seed" and text == PER_TURN:
        return PER_TURN
    try:
        return option.read(text)
    except (ValueError, KeyError):
        also = f", or {PER_TURN}" if name == "seed" else ""
        raise UsageError(f"policy: {name}: expected {option.expected()}{also}, found {text!r}") from None


def write_options(options: Mapping[str, JSON]) -> str:
    """The query that `read_options` reads; empty when there is nothing to say."""
    return urlencode([(name, _text(value)) for name, value in options.items()])


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
