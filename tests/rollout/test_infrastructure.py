"""Dead infrastructure is never a reward and is tried again, so often and no more; what an agent breaks is its own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.events.schema import Done, Event, Stopped, TestRun, ToolCall, ToolResult
from coding_agent.policies.base import PolicyReply, PolicyRequest
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.sandbox.base import Sandbox, SandboxSpec, TestReport
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.sandbox.local import LocalBackend
from coding_agent.sandbox.spawn import running
from coding_agent.store.reader import read_events, verify
from tests.rollout.below import ancestry, is_asleep
from tests.rollout.worlds import FIX, SUBMIT, Dying, job, roll_out, script, worth

Accident = Callable[[list[int]], None]
"""What happens to a sandbox; given the processes from the one that waits in it up to the harness's own child."""
LONG_S = 61.25
"""How long the waiting process would wait; nothing waits for it."""
WAIT = f"import time\ntime.sleep({LONG_S})\n"


@attrs.define
class Waits:
    """In its first life waits where it is told to, in the second does the work."""

    where: ScriptedPolicy
    lives: int = 0
    spec: str = "waits"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        self.lives += request.turn == 1
        script_ = self.where if self.lives == 1 else script(FIX, SUBMIT)
        return await script_.act(request)


def waiting_in(stage: str, source: str) -> Waits:
    write = ("write_file", json.dumps({"path": "double.py", "content": source}))
    if stage == "grade":
        return Waits(script(FIX, write, SUBMIT))
    # What comes after the wait is more than a runtime without memory can report.
    line = "python3 double.py; head -c 20000000 /dev/zero > large"
    return Waits(script(FIX, write, ("run_command", json.dumps({"command": line})), SUBMIT))


async def struck(folder: Path, kind: str, stage: str, accident: Accident, *, source: str = WAIT) -> Outcome:
    """Roll out while the accident happens to the first sandbox that waits."""
    outcomes: list[Outcome] = []
    reached = anyio.Event()

    def observe(_: str, now: str, event: Event | None) -> None:
        waits = isinstance(event, ToolCall) and event.tool == "run_command" if stage == "tool" else now == "grade"
        if waits:
            reached.set()

    async def play() -> None:
        policy = waiting_in(stage, source)
        limits = attrs.evolve(job(policy).limits, command_s=LONG_S, test_s=LONG_S)
        outcomes.extend(await roll_out(folder, [job(policy, limits=limits)], kind=kind, retries=1, observer=observe))

    async with anyio.create_task_group() as group:
        group.start_soon(play)
        await reached.wait()
        while not (waiting := [chain for chain in ancestry() if is_asleep(chain[0])]):
            await anyio.lowlevel.checkpoint()
        accident(waiting[0])
    return outcomes[0]


def kill_the_runtime(chain: list[int]) -> None:
    os.kill(next(pid for pid in reversed(chain) if "python" in Path(f"/proc/{pid}/comm").read_text()), signal.SIGKILL)


def kill_what_we_started(chain: list[int]) -> None:
    os.kill(chain[-1], signal.SIGKILL)


def take_its_memory_away(chain: list[int]) -> None:
    """The runtime gets no further memory; then the wait ends, and there is something to answer."""
    runtime = next(pid for pid in reversed(chain) if "python" in Path(f"/proc/{pid}/comm").read_text())
    resource.prlimit(runtime, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    os.kill(chain[0], signal.SIGKILL)


def remove_its_workspace(chain: list[int]) -> None:
    shutil.rmtree(Path(f"/proc/{chain[0]}/cwd").resolve())
    os.kill(chain[0], signal.SIGKILL)


ACCIDENTS = [
    ("bubblewrap", "tool", kill_the_runtime), ("bubblewrap", "tool", kill_what_we_started),
    ("local", "tool", take_its_memory_away), ("bubblewrap", "grade", kill_the_runtime),
    ("local", "tool", kill_the_runtime), ("local", "tool", remove_its_workspace), ("local", "grade", remove_its_workspace),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "stage", "accident"), ACCIDENTS)
async def test_what_strikes_a_sandbox_is_masked_and_the_work_is_done_in_a_new_attempt(
    tmp_path: Path, kind: str, stage: str, accident: Accident
) -> None:
    outcome = await struck(tmp_path / "run", kind, stage, accident)
    first = outcome.path.with_name("0.0.jsonl")
    events = read_events(first)
    stopped, done = events[-2:]
    assert (outcome.attempt, outcome.reason, outcome.passed) == (1, "submitted", True)
    assert isinstance(stopped, Stopped)
    assert isinstance(done, Done)
    assert (stopped.cause, stopped.stage, done.reason) == ("infra_error", stage, "infra_error")
    assert not any(isinstance(event, TestRun) for event in events)
    assert worth(first).value is None
    assert verify(first).condition == "sealed"
    assert replay_log(first).divergence is None


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group that holds 48 MiB, where this host lets us make one and nothing else is graded meanwhile."""
    if "CODING_AGENT_OOM" not in os.environ:
        pytest.skip("the kernel counts for the whole host: set CODING_AGENT_OOM=1 to run this test by itself")
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(root, f"coding-agent-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(48 << 20))
            yield group
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("no control group with a limit on memory can be made here")


async def test_graded_tests_that_the_kernel_kills_for_want_of_memory_are_masked(
    tmp_path: Path, small_group: Path
) -> None:
    def want(chain: list[int]) -> None:
        (small_group / "cgroup.procs").write_text(str(chain[0]))

    greedy = "import gc, time\ntime.sleep(0.5)\nheld = []\nfor _ in range(200):\n    held.append(b'x' * (1 << 20))\n    time.sleep(0.02)\n"
    outcome = await struck(tmp_path / "run", "bubblewrap", "grade", want, source=greedy)
    first = outcome.path.with_name("0.0.jsonl")
    stopped = read_events(first)[-2]
    assert (outcome.attempt, outcome.passed, worth(first).value) == (1, True, None)
    assert isinstance(stopped, Stopped)
    assert stopped.detail == "SandboxError: the host ran out of memory, and the kernel killed the graded tests"


async def test_there_are_as_many_attempts_as_the_budget_says_and_the_last_is_masked(tmp_path: Path) -> None:
    outcome = (await roll_out(tmp_path / "run", [job(script(SUBMIT))], backend=Dying(), retries=2))[0]
    assert (outcome.attempt, outcome.reason) == (2, "infra_error")
    logs = sorted((tmp_path / "run" / "episodes" / "toy").iterdir())
    assert [worth(log).value for log in logs] == [None, None, None]


async def test_a_command_that_runs_out_of_memory_is_answered_and_the_episode_goes_on(tmp_path: Path) -> None:
    greedy = ("run_command", '{"command": "python3 -c \'bytes(10**10)\'"}')
    outcome = (await roll_out(tmp_path / "run", [job(script(greedy, FIX, SUBMIT))], kind="bubblewrap"))[0]
    answer = next(event for event in read_events(outcome.path) if isinstance(event, ToolResult))
    assert "MemoryError" in answer.text
    assert worth(outcome.path).value == 1.0


async def test_more_than_a_log_can_hold_ends_the_episode_and_is_not_masked(tmp_path: Path) -> None:
    policy = script(FIX, ("run_command", '{"command": "head -c 70000000 /dev/zero > big"}'), SUBMIT)
    outcome = (await roll_out(tmp_path / "run", [job(policy)], retries=1))[0]
    assert (outcome.attempt, outcome.reason, worth(outcome.path).value) == (0, "policy_error", 0.0)
    assert worth(outcome.path).explanation.startswith("policy_error: can not be recorded")


@attrs.frozen
class Cramped(BubblewrapBackend):
    """The first sandbox is as large as was asked for; those for grading are small."""

    opened: list[SandboxSpec] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        self.opened.append(spec)
        size = spec.workspace_bytes if len(self.opened) == 1 else 1 << 20
        async with BubblewrapBackend.open(self, attrs.evolve(spec, workspace_bytes=size)) as sandbox:
            yield sandbox


async def test_work_that_does_not_fit_beside_the_tests_is_not_masked(tmp_path: Path) -> None:
    policy = script(("run_command", '{"command": "head -c 2000000 /dev/urandom > large"}'), FIX, SUBMIT)
    outcome = (await roll_out(tmp_path / "run", [job(policy)], backend=Cramped(), retries=1))[0]
    assert (outcome.attempt, outcome.reason, worth(outcome.path).value) == (0, "policy_error", 0.0)
    assert worth(outcome.path).explanation.startswith("policy_error: can not be graded")


@attrs.frozen
class Verbose(LocalBackend):
    """Its graded runs report more tests than a line of a log can hold."""

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with LocalBackend.open(self, spec) as sandbox:
            run = sandbox.test

            async def test(args: Sequence[str], **options: Any) -> TestReport:
                names = {f"{number}{'n' * 1900}": "passed" for number in range(9000)}
                return attrs.evolve(await run(args, **options), outcomes=names)

            sandbox.test = test  # type: ignore[method-assign]
            yield sandbox


async def test_a_grade_that_no_log_can_hold_is_not_masked(tmp_path: Path) -> None:
    outcome = (await roll_out(tmp_path / "run", [job(script(SUBMIT))], backend=Verbose(), retries=1))[0]
    assert (outcome.attempt, outcome.reason, worth(outcome.path).value) == (0, "policy_error", 0.0)


async def test_a_runtime_that_can_not_be_started_is_no_sandbox() -> None:
    with pytest.raises(SandboxUnavailable, match="could not be started"):
        async with running(lambda _: ["/nonexistent"], {}, kind="local", remedy="none"):
            pass


async def test_no_room_for_a_sandbox_is_an_infrastructure_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    outcome = (await roll_out(tmp_path / "run", [job(script(SUBMIT))], retries=1))[0]
    assert (outcome.attempt, outcome.reason, worth(outcome.path).value) == (1, "infra_error", None)
    assert outcome.detail.startswith("SandboxUnavailable: ")
