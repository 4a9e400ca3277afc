"""A dataset that is arranged anew whenever a pass over it begins.

AReno asks for records by number, from 0 in every epoch, and for the length before each. That is all it does with a
dataset, and all that is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import structlog

from coding_agent.errors import CodingAgentError

Record = dict[str, Any]
_log = structlog.get_logger("coding_agent.areno")


class Epochs(Sequence[Record]):
    """Raises what `arrange` raises when it is made; later, records stay as they were and the reason is told."""

    def __init__(self, arrange: Callable[[], Sequence[Record]]) -> None:
        self._arrange = arrange
        self._records = list(arrange())
        self._is_begun = False

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if index == 0:
            if self._is_begun:
                self._again()
            self._is_begun = True
        return self._records[index]

    def _again(self) -> None:
        try:
            self._records = list(self._arrange())
        except CodingAgentError as error:
            # AReno would end the training run, and lose what it has not saved.
            _log.error("the records stay as they were in the epoch before", why=str(error))
