"""Mutations of our own source, each of which some recorded episode must notice when it is replayed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs

import coding_agent

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys\n"
    "from pathlib import Path\n"
    "from coding_agent.replay.sealed import replay_log\n"
    "found = [replay_log(Path(name)).divergence for name in sys.argv[1:]]\n"
    "print(sum(each is not None for each in found))\n"
)


@attrs.frozen
class SourceMutation:
    """`old` becomes `new`, once, in a file of the package."""

    name: str
    file: str
    old: str
    new: str


MUTATIONS = (
    SourceMutation("turns limit off by one", "rollout/decide.py", "counts.turns >= limits.turns", "counts.turns > limits.turns"),
    SourceMutation("reminder reworded", "rollout/decide.py", "Call one tool per turn;", "Call a tool;"),
    SourceMutation("no reminder", "rollout/decide.py", "state.silent_turns and not state.reminded", "False"),
    SourceMutation("silence limit off by one", "rollout/decide.py", "state.silent_turns >= limits", "state.silent_turns > limits"),
    SourceMutation("second call executed", "rollout/decide.py", "    if index:\n", "    if index > 1:\n"),
    SourceMutation("call ids from one", "rollout/decide.py", 'call = f"{turn.turn}.{index}"', 'call = f"{turn.turn}.{index + 1}"'),
    SourceMutation("blocked told as submitted", "rollout/decide.py", 'if state.submitted == "solved" else "blocked"', 'if state.submitted else "blocked"'),
    SourceMutation("the cause forgotten", "rollout/decide.py", "        return causes[0]\n", '        return "time_limit"\n'),
    SourceMutation("ungraded after the time limit", "rollout/decide.py", '"policy_error"})', '"policy_error", "time_limit"})'),
    SourceMutation("summary dropped", "rollout/decide.py", "summary=state.summary, ", ""),
    SourceMutation("tool calls not counted", "rollout/state.py", "tool_calls=state.counts.tool_calls + 1", "tool_calls=state.counts.tool_calls"),
    SourceMutation("test runs not counted", "rollout/state.py", "test_runs=state.counts.test_runs + 1", "test_runs=state.counts.test_runs"),
    SourceMutation("denied submit accepted", "rollout/state.py", ' or event.outcome != "ok"', ""),
    SourceMutation("summary not kept", "rollout/state.py", 'summary=str(call.arguments.get("summary", ""))', 'summary=""'),
    SourceMutation("tool messages lose their call", "projections/conversation.py", "[message.role, message.content, calls, message.call_id, message.extra]", "[message.role, message.content, calls, message.extra]"),
    SourceMutation("tools not in the digest", "projections/conversation.py", "for tool in tools]", "for tool in ()]"),
    SourceMutation("notices not shown", "projections/conversation.py", "        case Notice(call=str() as call):\n            return _answer(state, call, event.text)\n", "        case Notice(call=str()):\n            return state\n"),
    SourceMutation("unknown tool reworded", "tools/dispatch.py", "There is no tool `", "No tool `"),
    SourceMutation("no suggestion", "tools/dispatch.py", 'hint = f" Did you mean `{near[0]}`?" if near else ""', 'hint = ""'),
    SourceMutation("reason dropped", "tools/dispatch.py", 'why = call.error or "not a JSON object"', 'why = "not a JSON object"'),
    SourceMutation("error position dropped", "tools/parsing.py", "line {error.lineno}, column {error.colno}: {error.msg}", "{error.msg}"),
    SourceMutation("passed tests not listed", "tools/render_tests.py", "    if passed and (", "    if not passed and ("),
    SourceMutation("failures unexplained", "tools/render_tests.py", "        if number < MAX_EXPLAINED:\n", "        if number < 0:\n"),
    SourceMutation("trace dropped", "tools/render_tests.py", "    if failure.frames:\n", "    if not failure.frames:\n"),
    SourceMutation("field checks off", "tools/schema.py", "expected", "wanted"),
)  # fmt: skip


def replayed(mutation: SourceMutation | None, folder: Path, logs: list[Path]) -> int:
    """How many of the logs diverge when a mutated copy of the package replays them. Raises AssertionError by name."""
    package = Path(coding_agent.__file__).parent
    copy = folder / "coding_agent"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if mutation is not None:
        file = copy / mutation.file
        text = file.read_text(encoding="utf-8")
        assert mutation.old in text, (
            f"{mutation.name}: {mutation.old!r} is no longer in {mutation.file}; mend the mutation"
        )
        file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, logs)],
        env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    shutil.rmtree(copy)
    assert done.returncode == 0, done.stderr  # a mutant that crashes proves nothing about replay
    return int(done.stdout)
