"""A simulated model: seeded replies after seeded waits, some of them wrong, some of them failures.

For tests of everything around a policy. What it says depends on the conversation, the seed and the turn alone, never on
what else runs; how long it takes is the event loop's time.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable

import anyio
import attrs

from coding_agent.errors import PolicyError, PolicyUnavailable
from coding_agent.events.values import JSON, Message, Usage
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.retry import Backoff, GaveUp, TryAgain

PATH = re.compile(r"(?<![\w./-])(?:[\w-]+/)*[\w-]+\.(?:py|md|txt)(?![\w/])")
"""What looks like a file in a conversation."""

Arguments = dict[str, JSON]
Draw = Callable[[random.Random, list[str]], tuple[str, Arguments]]


@attrs.frozen(kw_only=True)
class SimulatedModel:
    """Chances are per turn unless they say otherwise; times in seconds."""

    spec: str = "simulated"
    privileged: bool = False
    latency_s: float = 2.0
    """A reply takes up to this."""
    submits: float = 0.15
    silent: float = 0.08
    """A message without a call."""
    wordy: float = 0.08
    """A message of two calls."""
    malformed: float = 0.05
    """Arguments that are no JSON object."""
    wrong: float = 0.1
    """A tool, or an argument, that there is not."""
    fails: float = 0.0
    """No answer to be had: PolicyError."""
    overflows: float = 0.0
    """The conversation is too long: ContextOverflow."""
    busy: float = 0.1
    """Per request: refused for now, and asked again after a pause."""
    hangs: float = 0.0
    backoff: Backoff = attrs.field(factory=Backoff)

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Raises PolicyError, PolicyUnavailable, ContextOverflow."""
        draws = random.Random(f"{request.seed}/{request.turn}/{_digest(request.messages)}")  # noqa: S311  simulation
        waits = random.Random(draws.random())  # noqa: S311

        async def reply() -> PolicyReply:
            await anyio.sleep(waits.uniform(0, self.latency_s))
            if waits.random() < self.busy:
                raise TryAgain("busy")
            return self._reply(draws, request)

        if waits.random() < self.hangs:
            await anyio.sleep_forever()
        try:
            said, retries = await self.backoff.run(reply, seed=str(waits.random()), sleep=anyio.sleep)
        except GaveUp as error:
            raise PolicyUnavailable(f"{self.spec}: {error}") from error
        return attrs.evolve(said, retries=retries)

    def _reply(self, draws: random.Random, request: PolicyRequest) -> PolicyReply:
        fate = draws.random()
        if fate < self.fails:
            raise PolicyError(f"{self.spec}: no answer to turn {request.turn}")
        if fate < self.fails + self.overflows:
            raise ContextOverflow(f"turn {request.turn} does not fit")
        size = sum(len(message.content or "") for message in request.messages)
        usage = Usage(prompt_tokens=size // 4, completion_tokens=draws.randint(5, 50))
        if draws.random() < self.silent:
            return PolicyReply(content="Let me think.", usage=usage)
        count = 2 if draws.random() < self.wordy else 1
        calls = tuple(self._call(draws, request, index) for index in range(count))
        return PolicyReply(content=f"Turn {request.turn}.", calls=calls, usage=usage, finish_reason="tool_calls")

    def _call(self, draws: random.Random, request: PolicyRequest, index: int) -> RawCall:
        paths = sorted({path for message in request.messages for path in PATH.findall(message.content or "")})
        if draws.random() < self.submits:
            name, arguments = "submit", {"status": "solved", "summary": f"After {request.turn} turns."}
        else:
            name, arguments = draws.choice(MOVES)(draws, paths or ["README.md"])
        if draws.random() < self.wrong:
            name, arguments = draws.choice([(f"{name}s", arguments), (name, {**arguments, "mode": "fast"})])
        raw = json.dumps(arguments)
        if draws.random() < self.malformed:
            raw = draws.choice([raw[:-1], f"[{raw}]", raw.replace('"', "'"), ""])
        return RawCall(id=f"call_{request.turn}_{index}", name=name, arguments=raw)


def _digest(messages: tuple[Message, ...]) -> str:
    sha = hashlib.sha256()
    for message in messages:
        text = json.dumps(attrs.asdict(message), sort_keys=True, default=str)
        sha.update(text.encode("utf-8", "surrogatepass"))
    return sha.hexdigest()


def _list(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    return "list_files", {"path": draws.choice([".", paths[0].rpartition("/")[0] or "."])}


def _read(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    return "read_file", {"path": draws.choice(paths)}


def _search(draws: random.Random, _: list[str]) -> tuple[str, Arguments]:
    return "search", {"pattern": draws.choice(["def ", "TODO", "x", "^assert", "("])}


def _write(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    path = draws.choice([*paths, f"notes/{draws.randint(0, 3)}.md", "../out.md"])
    return "write_file", {"path": path, "content": f"x = {draws.randint(0, 99)}\n" * draws.randint(0, 3)}


def _replace(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    old, new = draws.choice([("2 + x", "2 * x"), ("x", "y"), ("TODO", "done")])
    return "replace_text", {"path": draws.choice(paths), "old": old, "new": new, "count": draws.randint(1, 2)}


def _patch(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    path, number = draws.choice(paths), draws.randint(0, 3)
    new = f"--- /dev/null\n+++ b/notes/{number}.md\n@@ -0,0 +1 @@\n+x {number}\n"
    return "apply_patch", {"patch": draws.choice([new, f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-def\n+DEF\n"])}


def _command(draws: random.Random, paths: list[str]) -> tuple[str, Arguments]:
    command = draws.choice(
        [f"echo {draws.randint(0, 9)} >> log.txt", f"cat {draws.choice(paths)}", f"sleep {draws.randint(1, 90)}",
         f"rm {draws.choice(paths)}", "mkdir -p a/b; touch a/b/c.md; exit 3", "ls -a", "unknown | pipe"]
    )  # fmt: skip
    return "run_command", {"command": command}


def _tests(_: random.Random, __: list[str]) -> tuple[str, Arguments]:
    return "run_tests", {}


MOVES: tuple[Draw, ...] = (_list, _read, _search, _write, _patch, _replace, _replace, _command, _command, _tests)
"""What it may do in a turn, each as likely as the others."""
