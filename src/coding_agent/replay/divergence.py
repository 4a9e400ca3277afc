"""Comparing what was recorded with what today's code derives: each difference of two events, by path.

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
from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from coding_agent.events.codec import semantic
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.values import JSON

Code = Literal[
    "RPL-FIELD", "RPL-GIVEN", "RPL-TYPE", "RPL-EXTRA", "RPL-MISSING", "RPL-UNCONSUMED", "RPL-SEQUENCE"
]  # fmt: skip
NAMED = 8
"""Further paths of an event that are named; the others are counted."""
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
    elsewhere: tuple[str, ...] = ()
    """Further paths of the same event that differ for the same cause, at most `NAMED`."""
    differing: int = 1
    """How many values of the event differ for this cause, `path` and `elsewhere` among them."""

    @property
    def kind(self) -> str:
        """What divergences of one cause have in common: code and path, without positions in lists."""
        return f"{self.code} {_INDEX.sub('[]', self.path)}"

    @property
    def message(self) -> str:
        """One line for people."""
        return {
            "RPL-FIELD": f"{self.path} differs{self._more}",
            "RPL-GIVEN": "a given field is not what was recorded: the state hash differs",
            "RPL-TYPE": f"recorded {self.recorded}, this release puts {self.replayed} here",
            "RPL-EXTRA": f"the recording goes on with {self.recorded}, this release is finished",
            "RPL-MISSING": f"the recording ends here, this release goes on with {self.replayed}",
            "RPL-UNCONSUMED": f"this release does not ask for the recorded {self.recorded}: it does {self.replayed}",
            "RPL-SEQUENCE": f"{self.recorded} may not stand here: {self.replayed}",
        }[self.code]

    @property
    def _more(self) -> str:
        if not self.elsewhere:
            return ""
        unnamed = self.differing - 1 - len(self.elsewhere)
        return f"; so do {', '.join(self.elsewhere)}" + (f" and {unnamed} more" if unnamed else "")


def folded(found: Sequence[Divergence]) -> Divergence:
    """Differences of one event that have one cause, as one: the first, which names the others."""
    first, *rest = found
    return attrs.evolve(first, elsewhere=tuple(each.path for each in rest[:NAMED]), differing=len(found))


def compare(seq: int, recorded: Event, replayed: Event) -> list[Divergence]:
    """Every semantic difference between two events of one type."""
    name = WIRE_NAMES[type(recorded)]
    return [
        Divergence(seq=seq, code="RPL-FIELD", event=name, path=path, recorded=left, replayed=right)
        for path, left, right in differences(semantic(recorded), semantic(replayed), name)
    ]


def first_difference(left: JSON, right: JSON, path: str) -> tuple[str, JSON, JSON] | None:
    """The first of `differences`, or None."""
    return next(differences(left, right, path), None)


def differences(left: JSON, right: JSON, path: str) -> Iterator[tuple[str, JSON, JSON]]:
    """(path, left, right) of each difference of two JSON values, in the left one's order."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            one, other = left.get(key), right.get(key)
            if one is None and other is None and (key in left) != (key in right):
                yield path, left, right  # null and absent look alike by themselves: show what holds them
            else:
                yield from differences(one, other, f"{path}.{key}")
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(left) is not type(right) or left != right:
        yield path, left, right
