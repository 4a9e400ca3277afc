"""The edges at which secrets are taken out: a policy's replies and a sandbox's answers.

What crosses an edge clean stays clean: everything that is written down, and everything that a policy is shown, is made
of it. A file in which a secret turns up is written anew in the sandbox, so that the workspace is what the log says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

import attrs

from coding_agent.events.redact import Secrets
from coding_agent.events.text import unescape
from coding_agent.policies.base import PolicyReply, RawCall
from coding_agent.sandbox.aside import EACH, aside
from coding_agent.sandbox.base import (
    ChangeSet,
    ExecResult,
    FileRead,
    Grading,
    Listing,
    PathChange,
    PathEdit,
    Refused,
    Sandbox,
    SearchResult,
    TestReport,
    TooMuchChanged,
)
from coding_agent.tools.dispatch import parse_arguments

T = TypeVar("T")


def clean_reply(reply: PolicyReply, secrets: Secrets) -> tuple[PolicyReply, int]:
    """The reply without secrets, and how many were taken out. Token ids would still spell them, so they go, too."""
    if not secrets:
        return reply, reply.redacted
    clean, count = secrets.scrub(reply)
    calls = []
    for call in clean.calls:
        # A secret may be spelled with escapes that only parsing undoes.
        arguments, hidden = secrets.scrub(parse_arguments(call.arguments)[0])
        count += hidden
        raw = unescape(json.dumps(arguments, ensure_ascii=False)) if hidden else call.arguments
        calls.append(RawCall(id=call.id, name=call.name, arguments=raw))
    if not count:
        return reply, reply.redacted
    return attrs.evolve(clean, calls=tuple(calls), tokens=None), count + reply.redacted


class CleanSandbox:
    """A sandbox whose answers hold no secrets."""

    def __init__(self, sandbox: Sandbox, secrets: Secrets) -> None:
        self._sandbox, self._secrets = sandbox, secrets
        self.taken_out = 0
        """How many secrets its answers held."""

    async def apply(self, changes: Sequence[PathChange], *, history: Sequence[PathChange] | None = None) -> str:
        return await self._sandbox.apply(changes, history=history)

    async def read(self, path: str, *, max_bytes: int) -> FileRead:
        found = await self._sandbox.read(path, max_bytes=max_bytes)
        return await self._clean_aside(found, len(found.data))

    async def list(self, path: str, *, depth: int, max_entries: int) -> Listing:
        found = await self._sandbox.list(path, depth=depth, max_entries=max_entries)
        return await self._clean_aside(found, EACH * len(found.entries))

    async def search(
        self, pattern: str, *, path: str, glob: str | None, ignore_case: bool, max_matches: int, timeout_s: float
    ) -> SearchResult:
        found = await self._sandbox.search(
            pattern, path=path, glob=glob, ignore_case=ignore_case, max_matches=max_matches, timeout_s=timeout_s
        )
        return self._clean(found)

    async def edit(self, edits: Sequence[PathEdit]) -> ChangeSet:
        return await self._written(await self._sandbox.edit(edits))

    async def exec(self, argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
        done = await self._sandbox.exec(argv, timeout_s=timeout_s, output_bytes=output_bytes)
        if done.total_bytes == len(done.head) + len(done.tail):
            # Nothing was dropped: a secret may lie across the two.
            done = attrs.evolve(done, head=done.head + done.tail, tail=b"")
        clean = self._clean(done)
        grown = len(clean.head) + len(clean.tail) - len(done.head) - len(done.tail)
        return attrs.evolve(clean, total_bytes=done.total_bytes + grown)

    async def test(
        self, args: Sequence[str], *, timeout_s: float, output_bytes: int = 4096, grading: Grading | None = None
    ) -> TestReport:
        report = await self._sandbox.test(args, timeout_s=timeout_s, output_bytes=output_bytes, grading=grading)
        return await self._clean_aside(report, EACH * (len(report.outcomes) + len(report.failures)))

    async def changes(self) -> ChangeSet:
        return await self._written(await self._sandbox.changes())

    def _clean(self, answer: T) -> T:
        clean, count = self._secrets.scrub(answer)
        self.taken_out += count
        return clean

    async def _clean_aside(self, answer: T, size: int) -> T:
        return await aside(size if self._secrets else 0, self._clean, answer)

    async def _written(self, found: ChangeSet) -> ChangeSet:
        clean = await self._clean_aside(found, sum(len(change.data or b"") + EACH for change in found.files))
        if clean is found:
            return found
        instead: list[PathChange] = []
        for old, new in zip(found.files, clean.files, strict=True):
            if old != new:
                instead.append(new)
            if old.path != new.path:
                instead.append(PathChange(path=old.path, kind="delete"))
        try:
            tree = await self._sandbox.apply(instead)
        except Refused as refused:
            raise TooMuchChanged(f"a file that holds a secret can not be written anew: {refused}") from refused
        return attrs.evolve(clean, tree=tree)
