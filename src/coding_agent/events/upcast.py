"""Reading older formats: pure steps from version N to N + 1, applied in memory; a sealed log is never rewritten.

A step takes (wire name, data) of one event and returns the events that stand for it one version later, none or several.
It is total, and looks at nothing but its argument. Bytes and chain are verified as they were written, before any step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coding_agent.errors import UnknownEvent
from coding_agent.events.schema import FORMAT
from coding_agent.events.values import JSON

Raw = tuple[str, JSON]
"""Wire name and data, not yet decoded."""
Upcaster = Callable[[str, JSON], list[Raw]]
UPCASTERS: Mapping[int, Upcaster] = {}
"""By the version that each step starts from. Format 1 is the first, so there is none yet."""


def upcast(raw: Raw, version: int, *, upcasters: Mapping[int, Upcaster] = UPCASTERS, to: int = FORMAT) -> list[Raw]:
    """What stands for an event of format `version` in format `to`. Raises UnknownEvent where a step is missing."""
    events = [raw]
    for step in range(version, to):
        if step not in upcasters:
            raise UnknownEvent(f"format {version}; this release reads formats {min(upcasters, default=to)} to {to}")
        events = [later for name, data in events for later in upcasters[step](name, data)]
    return events
