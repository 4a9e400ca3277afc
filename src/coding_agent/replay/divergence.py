"""Comparing what was recorded with what today's code derives: the first difference, by path."""

from __future__ import annotations

from typing import Literal

import attrs

from coding_agent.events.codec import semantic
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.values import JSON

Code = Literal["RPL-TYPE", "RPL-FIELD", "RPL-GIVEN", "RPL-MISSING", "RPL-EXTRA", "RPL-SEQUENCE"]


@attrs.frozen(kw_only=True)
class Divergence:
    """The first place where the recording and the replay disagree."""

    seq: int
    code: Code
    event: str
    """Wire name of the recorded event."""
    path: str
    """Dotted, from the event's class: `tool_call.arguments.path`."""
    recorded: JSON
    replayed: JSON

    @property
    def message(self) -> str:
        """One line for people."""
        return {
            "RPL-TYPE": f"recorded {self.recorded}, but this release does {self.replayed} here",
            "RPL-FIELD": f"{self.path} was {_short(self.recorded)}, this release derives {_short(self.replayed)}",
            "RPL-GIVEN": "a given field is not what was recorded: the state hash differs, all derived fields agree",
            "RPL-MISSING": f"the log ends here, but this release goes on with {self.replayed}",
            "RPL-EXTRA": f"the log goes on with {self.recorded}, but this release is finished",
            "RPL-SEQUENCE": f"{self.recorded}: {self.replayed}",
        }[self.code]


def compare(seq: int, recorded: Event, replayed: Event) -> Divergence | None:
    """The first semantic difference between two events, or None."""
    name = WIRE_NAMES[type(recorded)]
    if type(recorded) is not type(replayed):
        other = WIRE_NAMES[type(replayed)]
        return Divergence(seq=seq, code="RPL-TYPE", event=name, path=name, recorded=name, replayed=other)
    found = first_difference(semantic(recorded), semantic(replayed), name)
    if found is None:
        return None
    path, left, right = found
    return Divergence(seq=seq, code="RPL-FIELD", event=name, path=path, recorded=left, replayed=right)


def first_difference(left: JSON, right: JSON, path: str) -> tuple[str, JSON, JSON] | None:
    """(path, left, right) of the first difference of two JSON values, in the left one's order."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            found = first_difference(left.get(key), right.get(key), f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            found = first_difference(one, other, f"{path}[{index}]")
            if found is not None:
                return found
        return None
    return None if type(left) is type(right) and left == right else (path, left, right)


def _short(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:120]} … {text[-60:]}"
