"""Comparing what was recorded with what today's code derives: the first difference of two events, by path.

Codes are stable: scripts may rely on them.

| code | the recording and this release disagree on |
|---|---|
| `RPL-FIELD` | a derived field, named by path |
| `RPL-GIVEN` | the state hash: a given field is not what was recorded when the hash was made |
| `RPL-TYPE` | which event stands here |
| `RPL-EXTRA` | the end: the recording goes on, this release is finished |
| `RPL-MISSING` | the end: the recording is finished, this release goes on |
| `RPL-UNCONSUMED` | an answer: the recording holds one that this release does not ask for |
| `RPL-SEQUENCE` | legality: this release does not let the event stand here |
"""

from __future__ import annotations

import re
from typing import Literal

import attrs

from coding_agent.events.codec import semantic
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.values import JSON

Code = Literal[
    "RPL-FIELD", "RPL-GIVEN", "RPL-TYPE", "RPL-EXTRA", "RPL-MISSING", "RPL-UNCONSUMED", "RPL-SEQUENCE"
]  # fmt: skip
_INDEX = re.compile(r"\[\d+\]")


@attrs.frozen(kw_only=True)
class Divergence:
    """One place where the recording and the replay disagree."""

    seq: int
    code: Code
    event: str
    """Wire name of the recorded event."""
    path: str
    """Dotted, from the event's wire name: `tool_call.arguments.path`."""
    recorded: JSON
    replayed: JSON

    @property
    def kind(self) -> str:
        """What divergences of one cause have in common: code and path, without positions in lists."""
        return f"{self.code} {_INDEX.sub('[]', self.path)}"

    @property
    def message(self) -> str:
        """One line for people."""
        return {
            "RPL-FIELD": f"{self.path} differs",
            "RPL-GIVEN": "a given field is not what was recorded: the state hash differs, all derived fields agree",
            "RPL-TYPE": f"recorded {self.recorded}, this release puts {self.replayed} here",
            "RPL-EXTRA": f"the recording goes on with {self.recorded}, this release is finished",
            "RPL-MISSING": f"the recording ends here, this release goes on with {self.replayed}",
            "RPL-UNCONSUMED": f"this release does not ask for the recorded {self.recorded}: it does {self.replayed}",
            "RPL-SEQUENCE": f"{self.recorded} may not stand here: {self.replayed}",
        }[self.code]


def compare(seq: int, recorded: Event, replayed: Event) -> Divergence | None:
    """The first semantic difference between two events of one type, or None."""
    name = WIRE_NAMES[type(recorded)]
    found = first_difference(semantic(recorded), semantic(replayed), name)
    if found is None:
        return None
    path, left, right = found
    return Divergence(seq=seq, code="RPL-FIELD", event=name, path=path, recorded=left, replayed=right)


def first_difference(left: JSON, right: JSON, path: str) -> tuple[str, JSON, JSON] | None:
    """(path, left, right) of the first difference of two JSON values, in the left one's order."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            one, other = left.get(key), right.get(key)
            if one is None and other is None and (key in left) != (key in right):
                return path, left, right  # null and absent look alike by themselves: show what holds them
            found = first_difference(one, other, f"{path}.{key}")
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
