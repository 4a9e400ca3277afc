"""Drives a policy over a directory: a small stand-in for loop and tools, with the texts of `docs/reference/tools.md`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs

from coding_agent.events.values import JSON, Message, ModelToolCall
from coding_agent.policies.base import PolicyRequest
from coding_agent.policies.repair import RepairPolicy
from coding_agent.policies.repair.edits import patched, paths_of

ENV = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@attrs.frozen(kw_only=True)
class Episode:
    """What was said and done."""

    messages: tuple[Message, ...]
    status: str
    summary: str

    @property
    def tools(self) -> list[str]:
        return [call.name for message in self.messages for call in message.calls]


async def drive(root: Path, statement: str, *, turns: int = 40, seed: int = 0, fresh: bool = True) -> Episode:
    """One episode; with `fresh`, by a policy made anew for every turn."""
    rules = f"You have {turns} turns. `run_tests` runs `python -m pytest -q`."
    messages: tuple[Message, ...] = (
        Message(role="system", content="You are a software engineer."),
        Message(role="user", content=f"{statement}\n\n{rules}"),
    )
    policy = RepairPolicy()
    for turn in range(1, turns + 1):
        policy = RepairPolicy() if fresh else policy
        reply = await policy.act(PolicyRequest(messages=messages, tools=(), seed=seed, turn=turn))
        (call,) = reply.calls
        arguments = json.loads(call.arguments)
        text = answer(root, call.name, arguments)
        asked = ModelToolCall(id=call.id, name=call.name, raw=call.arguments, arguments=arguments)
        said = Message(role="assistant", content=reply.content, calls=(asked,))
        messages = (*messages, said, Message(role="tool", content=text, call_id=call.id))
        if call.name == "submit":
            return Episode(messages=messages, status=arguments["status"], summary=arguments["summary"])
    return Episode(messages=messages, status="turn_limit", summary="")


def answer(root: Path, tool: str, arguments: dict[str, JSON]) -> str:
    """The text of a tool's answer."""
    match tool:
        case "list_files":
            return "\n".join(sorted(str(p.relative_to(root)) for p in root.rglob("*.py")))
        case "read_file":
            return _read(root, arguments["path"])
        case "write_file":
            place = root / arguments["path"]
            place.parent.mkdir(exist_ok=True)
            place.write_text(arguments["content"])
            return f"Created {arguments['path']} (1 lines, 1 bytes)."
        case "apply_patch":
            return _patch(root, arguments["patch"])
        case "run_tests":
            return _test(root, arguments.get("tests", []))
        case "run_command":
            argv = ["sh", "-c", arguments["command"]]
            done = subprocess.run(argv, cwd=root, env=ENV, capture_output=True, text=True, timeout=60, check=False)
            return f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return "Submitted."


def _read(root: Path, path: str) -> str:
    lines = (root / path).read_text().split("\n")[:-1]
    rows = "\n".join(f"{number:>6}\t{line}" for number, line in enumerate(lines, 1))
    return f"{path}: lines 1-{len(lines)} of {len(lines)}\n{rows}" if lines else f"{path}: empty file"


def _patch(root: Path, patch: str) -> str:
    files = {path: (root / path).read_text() for path in paths_of(patch) if (root / path).is_file()}
    for path, text in patched(files, patch).items():
        (root / path).unlink(missing_ok=True)
        if text is not None:
            (root / path).write_text(text)
    return "Applied.\n"


def _test(root: Path, tests: list[str]) -> str:
    place = root.parent / f"{root.name}.outcomes"
    place.unlink(missing_ok=True)
    env = {**ENV, "OUTCOMES": str(place), "PYTHONPATH": str(Path(__file__).parent)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider", "--tb=no", *tests]
    try:
        subprocess.run(argv, cwd=root, env=env, capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        first = tests[0] if tests else "tests/test_it.py::test_it"
        return f"No tests ran (exit status -9).\nTimed out after 5 s while {first} was running."
    return _rendered(json.loads(place.read_text()) if place.exists() else {})


def _rendered(found: dict[str, dict[str, JSON]]) -> str:
    bad = {name: why for name, why in found.items() if not why["passed"]}
    if not found:
        return "No tests ran (exit status 5)."
    if not bad:
        return f"All {len(found)} tests passed."
    lines = [f"{len(bad)} failed, {len(found) - len(bad)} passed, {len(found)} in all.", ""]
    for name, why in bad.items():
        lines.append(f"{'ERROR' if 'collect' in why else 'FAILED'} {name}")
        if why.get("frames"):
            file, line, _ = why["frames"][-1]
            lines.append(f"  {why['exception']} at {file}:{line}: {why['message']}")
            lines.append("  trace: " + " > ".join(f"{f}:{n} in {fn}" for f, n, fn in why["frames"]))
    return "\n".join([*lines, "", *(f"PASSED {name}" for name in found if name not in bad)])
