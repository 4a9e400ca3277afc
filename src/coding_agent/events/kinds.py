"""The three kinds of field, as annotations.

* *Derived*: today's code recomputes it in a sealed replay and it must come out equal.
* *Given*: it came from outside (a model, a tool, a test run); a sealed replay takes it from the log.
* *Observed*: time, latency, host, retries on the wire; copied from the recording, hashed by the chain, but never
  compared and never part of `state`.

Inside a field whose type is an attrs class, that class's own marks decide.
"""

from __future__ import annotations

import enum
from typing import Annotated, TypeVar

T = TypeVar("T")


class FieldKind(enum.Enum):
    """Where a field's value comes from, and so how a replay treats it."""

    DERIVED = "derived"
    GIVEN = "given"
    OBSERVED = "observed"


Derived = Annotated[T, FieldKind.DERIVED]
Given = Annotated[T, FieldKind.GIVEN]
Observed = Annotated[T, FieldKind.OBSERVED]
