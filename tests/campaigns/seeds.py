"""The same seed gives the same episodes: any number at once, on either event loop, over every task, whatever fails."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs

from coding_agent.errors import SandboxDied
from coding_agent.events.schema import Event, ModelTurn, TestRun, ToolCall
from coding_agent.policies.base import Policy
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.policies.retry import Backoff
from coding_agent.rollout.scheduler import Job, episode_seed
from coding_agent.rollout.start import task_limits
from coding_agent.sandbox.base import ExecResult, Sandbox, SandboxSpec
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks
from tests.campaigns import Cases, Size, campaign
from tests.rollout.worlds import SUBMIT, roll_out, script
from tests.servers.chat import Answer, ChatHandler, answer, chat_server, ok, reset

TASKS = find_tasks([Path(__file__).parents[2] / "tasks"])
SETTINGS = {
    "short": (("asyncio", 1), ("trio", 16)),
    "long": (("asyncio", 1), ("asyncio", 16), ("trio", 1), ("trio", 16)),
}
COMMAND = '{"command": "ls -a; python3 -c \'print(hash(1.5), {\\"a\\", \\"b\\"})\'"}'
NOISY = script(("run_tests", "{}"), ("run_command", COMMAND), ("nonsense", "{"), SUBMIT)
ASKED = (("run_tests", "{}"), ("run_command", COMMAND), SUBMIT)
"""What the model of the failing server does, turn by turn."""


@attrs.frozen
class Mortal(BubblewrapBackend):
    """Real sandboxes, each of which dies at the first command that says `die NAME`, once per name."""

    dead: set[str] = attrs.field(factory=set)

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with BubblewrapBackend.open(self, spec) as sandbox:
            run = sandbox.exec

            async def execute(argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
                name = argv[-1].partition("die ")[2]
                if name and name not in self.dead:
                    self.dead.add(name)
                    raise SandboxDied(name)
                return await run(argv, timeout_s=timeout_s, output_bytes=output_bytes)

            sandbox.exec = execute  # type: ignore[method-assign]
            yield sandbox


def failing_server() -> Answer:
    """Two of three requests fail: which ones, and how often in a row, is a matter of who else asks."""
    count = itertools.count()

    def write(handler: ChatHandler) -> None:
        turn = sum(message["role"] == "assistant" for message in handler.asked["messages"])
        name, arguments = ASKED[turn]
        call = {"id": f"c{turn}", "type": "function", "function": {"name": name, "arguments": arguments}}
        failures = (answer(503), reset(), ok({"content": None, "tool_calls": [call]}))
        failures[next(count) % 3](handler)

    return write


def jobs(url: str, size: Size) -> list[Job]:
    """Every task repaired, with noise and failing tests, in a sandbox that dies, by a server that fails; short: one of them."""
    asking = OpenAIChatPolicy(model="m", base_url=url, key="k", backoff=Backoff(attempts=1000, first_s=0.001, longest_s=0.01))  # fmt: skip
    made = []
    for place, task in enumerate(TASKS):
        mortal = script(("run_command", json.dumps({"command": f"true die {task.id}"})), SUBMIT)
        policies: list[Policy] = [RepairPolicy(), NOISY, mortal, asking]
        # No clock on the wall may decide, however busy the machine is.
        own = task_limits(task, max_turns=9 if size == "short" else None)
        limits = attrs.evolve(own, seconds=36_000.0, command_s=3_600.0, test_s=60.0)
        made += [
            Job(task=task, policy=policy, sample=n, limits=limits, seed=episode_seed(5, task.id, n))
            for n, policy in enumerate(policies)
            if size == "long" or n == place % len(policies)
        ]
    return made


@campaign(
    "The same seed gives the same digests at any concurrency, on asyncio and trio: every task, failures, retries",
    in_suite=False,
)
def same_seed(size: Size, folder: Path) -> Cases:
    """A case is one log under one setting. The settings are played at the same time, so that each disturbs the others."""
    with chat_server() as server:
        server.answers = [failing_server()]
        chosen = jobs(server.url, size)

        def play(setting: tuple[str, int]) -> dict[str, str]:
            loop, concurrency = setting
            place = folder / f"{loop}-{concurrency}"
            roll = functools.partial(roll_out, place, chosen, backend=Mortal(), concurrency=concurrency, retries=1)
            anyio.run(roll, backend=loop)
            return digests(place)

        with ThreadPoolExecutor(len(SETTINGS[size])) as threads:
            found = dict(zip(SETTINGS[size], threads.map(play, SETTINGS[size]), strict=True))
    first = next(iter(found.values()))
    for (loop, concurrency), other in found.items():
        yield from absent(folder / f"{loop}-{concurrency}", size)
        for name in sorted(first.keys() | other.keys()):
            same = first.get(name) == other.get(name)
            yield None if same else f"{name}, {loop}, {concurrency} at once: {other.get(name)}, not {first.get(name)}"


def digests(folder: Path) -> dict[str, str]:
    reports = {str(path.relative_to(folder)): verify(path) for path in RunDirectory(folder).logs()}
    return {name: f"{report.condition} {report.semantic_digest}" for name, report in reports.items()}


def absent(folder: Path, size: Size) -> Iterator[str]:
    """What had to happen for every task, or, short, for some task, and did not."""

    def of(path: Path) -> str:
        return path.parent.name if size == "long" else "any task"

    logs = RunDirectory(folder).logs()
    events: dict[str, list[Event]] = {task.id: [] for task in TASKS} if size == "long" else {"any task": []}
    again = {of(path) for path in logs if path.stem.endswith(".1")}
    for path in logs:
        events[of(path)] += read_events(path)
    for task, seen in events.items():
        happened = {
            "a second attempt": task in again,
            "a request that was tried again": any(isinstance(event, ModelTurn) and event.retries for event in seen),
            "a failing test": any(isinstance(event, TestRun) and "failed" in event.outcomes.values() for event in seen),
            "a command": any(isinstance(event, ToolCall) and event.tool == "run_command" for event in seen),
        }
        yield from (f"{folder.name}, {task}: there was not {what}" for what, did in happened.items() if not did)
