"""What is known of the bytes of an intact log: that they fit their chain, and whether another file names its head.

A chain has no secret: who edits a log can seal it again. Only what was written down elsewhere tells that from a change
of the code.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged
from coding_agent.replay.expected import expected_file, recorded_head
from coding_agent.store.known import Manifests
from coding_agent.store.reader import verify


@attrs.frozen(kw_only=True)
class Chain:
    """The head of the chain, and what another file says that it was."""

    head: str
    """Chain of the last line."""
    recorded: str | None = None
    """What `recorded_in` says that it was when the log was sealed; None when there is no such file."""
    recorded_in: str | None = None
    """The manifest of the run, or the expectation beside the log."""

    @property
    def message(self) -> str:
        """One line for people."""
        if self.recorded is None:
            return (
                "fits the bytes: no accident changed the file. Today's code derives otherwise, or somebody edited "
                "the log and sealed it again; the chain alone can not tell"
            )
        if self.recorded == self.head:
            return f"fits the bytes, and its head is the one in {self.recorded_in}: it is as it was sealed"
        return (
            f"fits the bytes, but {self.recorded_in} names another head, {self.recorded[:12]}: the log was "
            "exchanged, or edited and sealed again"
        )


def known_chain(log: Path) -> Chain:
    """For a log that is intact."""
    head, (_, listed) = verify(log).head, Manifests().about(log)
    if listed is not None:
        return Chain(head=head, recorded=listed.entry.head, recorded_in=str(listed.manifest))
    if (recorded := recorded_head(log)) is not None:
        return Chain(head=head, recorded=recorded, recorded_in=str(expected_file(log)))
    return Chain(head=head)


def refuse_exchanged(log: Path) -> None:
    """Raises LogDamaged for an intact log that is not the one which manifest or expectation were written for."""
    known = known_chain(log)
    if known.recorded not in {None, known.head}:
        raise LogDamaged(str(log), f"its chain {known.message}")
