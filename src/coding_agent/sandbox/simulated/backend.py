"""Simulated sandboxes: the protocol of `base`, over a tree in memory, with a seeded course of delays and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import attrs

from coding_agent.errors import SandboxDied, SandboxUnavailable
from coding_agent.sandbox.base import (
    ChangeSet,
    ExecResult,
    FileRead,
    Grading,
    Listing,
    PathChange,
    PathEdit,
    Probe,
    Refused,
    Sandbox,
    SandboxSpec,
    SearchResult,
    TestReport,
    TooMuchChanged,
)
from coding_agent.sandbox.channel import GRACE_S, WITHIN_S
from coding_agent.sandbox.runtime.capture import Capture
from coding_agent.sandbox.simulated import search
from coding_agent.sandbox.simulated.checks import Checks
from coding_agent.sandbox.simulated.faults import NO_FAULTS, FaultPlan, Happening
from coding_agent.sandbox.simulated.process import Process, Program, TestLog, TestProgram
from coding_agent.sandbox.simulated.shell import sh
from coding_agent.sandbox.simulated.workspace import Workspace

T = TypeVar("T")
SEARCH_S = 1e-4
"""A search takes this, and may be given less."""


class SimulatedBackend:
    """Makes simulated sandboxes, and counts them. Deterministic: the same requests get the same answers."""

    kind = "simulated"
    promises: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ("programs", "pytest", "permissions", "total memory", "process count")
    """`programs`: only those given at construction run; `pytest`: only tests that the test program understands."""

    def __init__(
        self, *, faults: FaultPlan = NO_FAULTS, program: Program = sh, tests: TestProgram | None = None
    ) -> None:
        self.faults, self.program, self.tests = faults, program, tests or Checks()
        self.opened = 0
        self.live = 0
        """Sandboxes that are open now."""
        self.most_live = 0
        self._visits: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        """Raises SandboxUnavailable when the plan says so."""
        number, self.opened = self.opened, self.opened + 1
        happening = self.faults.opening(number)
        self.live += 1
        self.most_live = max(self.most_live, self.live)
        try:
            await anyio.sleep(happening.delay_s)
            if happening.then == "hangs":
                await anyio.sleep_forever()
            if happening.then == "dies":
                raise SandboxUnavailable("simulated", f"opening {number} was refused", "change the plan of faults")
            yield SimulatedSandbox(self, spec)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self.faults.closing_s(number))
            self.live -= 1

    async def probe(self) -> tuple[Probe, ...]:
        """It promises nothing, so there is nothing to try."""
        return ()

    def visit(self, place: str) -> int:
        """How often a sandbox that first held `place` was there before this one."""
        self._visits[place] += 1
        return self._visits[place] - 1


class SimulatedSandbox:
    """Implements `base.Sandbox`."""

    def __init__(self, backend: SimulatedBackend, spec: SandboxSpec) -> None:
        self._backend = backend
        self._workspace = Workspace(spec)
        self._place: tuple[str, int] | None = None
        self._requests = 0
        self._broken: str | None = None

    async def apply(self, changes: Sequence[PathChange], *, history: Sequence[PathChange] | None = None) -> str:
        async def work() -> str:
            return self._workspace.apply(changes, history)

        if self._place is None and self._broken is None:
            held = Workspace(self._workspace.spec)
            place = held.apply(changes, history)
            self._place = place, self._backend.visit(place)
        return await self._answer("apply", work)

    async def read(self, path: str, *, max_bytes: int) -> FileRead:
        async def work() -> FileRead:
            return self._workspace.read(path, max_bytes)

        return await self._answer("read", work)

    async def list(self, path: str, *, depth: int, max_entries: int) -> Listing:
        async def work() -> Listing:
            return self._workspace.listing(path, depth, max_entries)

        return await self._answer("list", work)

    async def search(
        self, pattern: str, *, path: str, glob: str | None, ignore_case: bool, max_matches: int, timeout_s: float
    ) -> SearchResult:
        async def work() -> SearchResult:
            found = search.search(
                self._workspace.root, pattern, path=path, glob=glob, ignore_case=ignore_case, max_matches=max_matches
            )
            with anyio.move_on_after(timeout_s):
                await anyio.sleep(SEARCH_S)
                return found
            return SearchResult(matches=(), omitted=0, timed_out=True)

        return await self._answer("search", work, timeout_s)

    async def edit(self, edits: Sequence[PathEdit]) -> ChangeSet:
        async def work() -> ChangeSet:
            return self._workspace.edit(edits)

        return await self._answer("edit", work)

    async def exec(self, argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
        async def work() -> ExecResult:
            capture = Capture(output_bytes)
            process = Process(self._workspace, capture)
            status = await _within(timeout_s, lambda: self._backend.program(argv, process))
            return ExecResult(**capture.result(), exit_status=status, timed_out=status is None)

        return await self._answer("exec", work, timeout_s)

    async def test(
        self, args: Sequence[str], *, timeout_s: float, output_bytes: int = 4096, grading: Grading | None = None
    ) -> TestReport:
        async def work() -> TestReport:
            capture = Capture(2 * output_bytes)
            digests = {path: file.sha256.hex() for path, file in self._workspace.files().items()}
            log = TestLog(Process(self._workspace, capture), digests)
            status = await _within(timeout_s, lambda: self._backend.tests(args, log))
            report = _report(log, status, capture, output_bytes)
            # Nothing is run here that could lie; a real run that is graded ends with its must-fail test.
            return report if grading is None else attrs.evolve(report, sentinel="failed", exit_status=status or 1)

        return await self._answer("test", work, timeout_s)

    async def changes(self) -> ChangeSet:
        async def work() -> ChangeSet:
            return self._workspace.changes()

        return await self._answer("changes", work)

    async def _answer(self, operation: str, work: Callable[[], Awaitable[T]], timeout_s: float = 0.0) -> T:
        """What `channel.Channel` makes of a runtime: one bounded request, and no second one after it was broken off."""
        if self._broken is not None:
            raise SandboxDied(f"the sandbox can not be used any more: {self._broken}")
        self._broken = f"{operation} was interrupted"
        within_s = WITHIN_S.get(operation, timeout_s) + GRACE_S
        try:
            with anyio.fail_after(within_s):
                await self._meet(operation)
                answer = await work()
        except TimeoutError as error:
            self._broken = f"{operation} had no answer within {within_s:g} s"
            raise SandboxDied(self._broken) from error
        except (Refused, TooMuchChanged):
            self._broken = None
            raise
        self._broken = None
        return answer

    async def _meet(self, operation: str) -> None:
        happening = Happening()
        if self._place is not None:
            happening = self._backend.faults.request(*self._place, self._requests)
            self._requests += 1
        await anyio.sleep(happening.delay_s)
        if happening.then == "hangs":
            await anyio.sleep_forever()
        if happening.then == "dies":
            self._broken = f"the connection broke during {operation}: simulated"
            raise SandboxDied(self._broken)


async def _within(timeout_s: float, run: Callable[[], Awaitable[int]]) -> int | None:
    """The exit status; None when time was over first."""
    with anyio.move_on_after(timeout_s):
        return await run()
    return None


def _report(log: TestLog, status: int | None, capture: Capture, output_bytes: int) -> TestReport:
    kept = capture.result()
    early = status is None or log.running is not None or status not in {0, 1, 2, 5}
    output = (kept["head"] + kept["tail"])[-output_bytes:].decode("utf-8", "backslashreplace")
    return TestReport(
        outcomes=log.outcomes,
        failures=tuple(log.failures),
        exit_status=status,
        timed_out=status is None,
        running=log.running,
        output=output if early or not log.outcomes else "",
        digests=log.collected,
    )
