"""A patch, read: which files it changes and how. Knows nothing of the files as they are."""

from __future__ import annotations

from typing import Literal

import attrs

from coding_agent.errors import CodingAgentError


class PatchRefused(CodingAgentError):
    """A patch that is not applied, and why, in words for the policy."""


@attrs.frozen(kw_only=True)
class PatchLine:
    """One line of a hunk. `text` is without its newline, but with a carriage return where the patch has one."""

    kind: Literal[" ", "-", "+"]
    text: str
    newline: bool = True
    """False: `\\ No newline at end of file` follows it."""


@attrs.frozen(kw_only=True)
class Hunk:
    number: int
    """Within its file, from 1."""
    start: int
    """The first old line, as the patch claims."""
    header: str
    lines: tuple[PatchLine, ...]

    @property
    def old(self) -> tuple[PatchLine, ...]:
        """The lines that must be there."""
        return tuple(line for line in self.lines if line.kind != "+")

    @property
    def new(self) -> tuple[PatchLine, ...]:
        """The lines that will be there."""
        return tuple(line for line in self.lines if line.kind != "-")


@attrs.frozen(kw_only=True)
class FilePatch:
    """What becomes of one file."""

    kind: Literal["M", "A", "D", "R"]
    source: str
    """The same as `target` except for renames."""
    target: str
    executable: bool | None = None
    """None leaves it as it is."""
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> int:
        return sum(line.kind == "+" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "-" for hunk in self.hunks for line in hunk.lines)

    @property
    def summary(self) -> str:
        """One line of the answer."""
        name = f"{self.source} -> {self.target}" if self.kind == "R" else self.target
        return f"{self.kind} {name} +{self.added} -{self.removed}"
