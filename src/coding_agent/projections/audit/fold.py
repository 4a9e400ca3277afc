"""The fold: one pass over the events, every pattern at the event that is its evidence."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence

import attrs

from coding_agent.events.schema import Event, TestRun, ToolCall, ToolResult
from coding_agent.events.values import FileChange, FileContent
from coding_agent.projections.audit.commands import command_findings
from coding_agent.projections.audit.grades import grade_findings
from coding_agent.projections.audit.paths import Edit, path_findings
from coding_agent.projections.audit.patterns import SEVERITIES, Finding, Severity, finding
from coding_agent.projections.audit.source import source_findings
from coding_agent.projections.patch import ReadBlob

_Evidence = tuple[str, str]
"""(code, evidence)"""


@attrs.frozen(kw_only=True)
class Audit:
    """What was found in one episode, in the order of its events."""

    findings: tuple[Finding, ...]

    def marked(self, least: Severity = "suspect") -> tuple[Finding, ...]:
        """Those of at least this severity that were still there at the end."""
        enough = SEVERITIES[SEVERITIES.index(least) :]
        return tuple(each for each in self.findings if each.kept and each.severity in enough)


def audit(events: Sequence[Event], read_blob: ReadBlob) -> Audit:
    """Look for every pattern in an episode, or in a part of one. Raises StoreError when a blob is gone."""
    workspace = _Workspace(read_blob)
    found: list[Finding] = []
    for seq, event in enumerate(events):
        match event:
            case ToolCall():
                found += [finding(code, seq, event.call, text) for code, text in command_findings(event)]
            case TestRun(purpose="grade"):
                found += [finding(code, seq, "grade", text) for code, text in grade_findings(event)]
            case ToolResult() | TestRun() if event.changes is not None:
                for change in event.changes.files:
                    found += workspace.change(seq, change)
    return Audit(findings=tuple(attrs.evolve(each, kept=workspace.keeps(each)) for each in found))


class _Workspace:
    """The text of every changed path, and what is to be found in it as it is now."""

    def __init__(self, read_blob: ReadBlob) -> None:
        self._read_blob = read_blob
        self._texts: dict[str, str | None] = {}
        self._first: dict[str, str | None] = {}
        """What the task had; None: nothing, or no text."""
        self._of_task: set[str] = set()
        self._kinds: dict[str, str] = {}

    def change(self, seq: int, change: FileChange) -> Iterator[Finding]:
        """What one change brought."""
        path = change.path
        if path not in self._texts:
            before = change.before
            self._first[path] = self._texts[path] = None if before is None else self._text(before)
            if before is not None:
                self._of_task.add(path)
        old = self._texts[path]
        new = old if change.kind == "mode" else None if change.kind == "delete" else self._text(change)
        self._texts[path], self._kinds[path] = new, change.kind
        edit = Edit(path=path, kind=change.kind, old=old, new=new, of_task=path in self._of_task)
        for code, text in _of(edit):
            yield finding(code, seq, path, text)

    def keeps(self, found: Finding) -> bool:
        """Whether what was found in a file is in what the episode made of it as a whole."""
        path = found.where
        if path not in self._texts:
            return True
        edit = Edit(
            path=path,
            kind=self._kinds[path],
            old=self._first[path],
            new=self._texts[path],
            of_task=path in self._of_task,
        )
        return any(
            finding(code, 0, path, text).evidence == found.evidence for code, text in _of(edit) if code == found.code
        )

    def _text(self, content: FileChange | FileContent) -> str | None:
        """None for what is no text."""
        if content.blob is not None:
            return _decoded(self._read_blob(content.blob))
        if content.base64 is None:
            return content.text or ""
        try:
            return _decoded(b64decode(content.base64))
        except ValueError:
            return None


def _of(edit: Edit) -> Iterator[_Evidence]:
    yield from path_findings(edit)
    if edit.kind != "symlink":
        yield from source_findings(edit)


def _decoded(data: bytes) -> str | None:
    # Bytes that are no UTF-8 can still be Python; Latin-1 keeps every ASCII name as it is.
    return None if b"\0" in data[:4096] else data.decode("latin-1")
