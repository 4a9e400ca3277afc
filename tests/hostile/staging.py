"""One episode that carries a program through three stages (a tool call, a test run, the grading), and what it showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import attrs

from coding_agent.events.schema import Done, Event, TestRun, ToolResult
from coding_agent.rollout.scheduler import Job
from coding_agent.rollout.start import task_limits
from tests.hostile.program import Program
from tests.rollout.worlds import SUBMIT, TASK, job, script

SHORT_S, LONG_S = 1.5, 120.0
"""Limits of a command and a test run: of programs that must run out of time, and of all others."""
HIDDEN = "tests/test_hidden.py"
TEST = "tests/test_attack.py::test_attack"
HONEST = {
    "tests/test_double.py::test_two": "passed",
    "tests/test_double.py::test_three": "failed",
    "tests/test_hidden.py::test_five": "failed",
}
"""What the grade says of the unmended task."""

_ENDINGS = {"exit": "exit status ", "signal": "killed by signal ", "timeout": "timed out"}
_PYTHON = 'exec(compile(open("/workspace/attack.py").read(), "attack", "exec"), {"__name__": "__main__"})'
_SHELL = 'subprocess.run(["sh", "/workspace/attack.sh"], check=False)'


def name_of(program: Program) -> str:
    """Of the task under which one of its episodes is played."""
    return f"{program.name.replace('/', '.')}.{program.stages[0].replace(' ', '-')}"


def episode(program: Program, tokens: Mapping[str, str]) -> Job:
    """The job that plays it; its turns are the program's calls, a test run, submission."""
    limit = SHORT_S if program.runs_out_of_time else LONG_S
    calls = list(_calls(program))
    limits = attrs.evolve(task_limits(TASK), turns=len(calls) + 1, seconds=600.0, command_s=limit, test_s=limit)
    test = TASK.hidden[HIDDEN]
    task = attrs.evolve(
        TASK, id=name_of(program), gold_patch=tokens["gold"],
        hidden={HIDDEN: attrs.evolve(test, data=test.data + f"# {tokens['hidden']}\n".encode())},
    )  # fmt: skip
    return job(script(*calls, SUBMIT), task=task, limits=limits)


def _calls(program: Program) -> Iterator[tuple[str, str]]:
    if program.kind == "toml":
        yield from ((call.tool, call.arguments) for call in program.calls)
        yield "run_tests", "{}"
        return
    attack = f"attack.{program.kind}"
    run = _PYTHON if program.kind == "py" else _SHELL
    yield "write_file", json.dumps({"path": attack, "content": program.text})
    if "tool call" in program.stages:
        yield "run_command", json.dumps({"command": f"{'python3' if program.kind == 'py' else 'sh'} {attack}"})
    if "test run" in program.stages:
        test = f"import subprocess\n\ndef test_attack():\n    {run}\n"
        yield "write_file", json.dumps({"path": "tests/test_attack.py", "content": test})
        yield "run_tests", json.dumps({"tests": [TEST]})
    if "grading" in program.stages:
        code = f"import subprocess\ntry:\n    {run}\nexcept SystemExit:\n    pass\n\ndef double(x):\n    return 2 + x\n"
        yield "write_file", json.dumps({"path": "double.py", "content": code})


def escapes(events: Sequence[Event]) -> Iterator[str]:
    """What a program itself says that it achieved."""
    for event in events:
        texts: list[str] = []
        if isinstance(event, ToolResult):
            texts = [event.text]
        elif isinstance(event, TestRun):
            texts = [event.output, *(failure.message for failure in event.failures)]
        for text in texts:
            if "escaped:" in text and "raise Escaped" not in text.partition("escaped:")[0][-200:]:
                yield "escaped:" + text.partition("escaped:")[2][:200]


def untruths(program: Program, events: Sequence[Event]) -> Iterator[str]:
    """Where the log does not say what happened."""
    done, grade = events[-1], next((e for e in events if isinstance(e, TestRun) and e.purpose == "grade"), None)
    if not isinstance(done, Done) or done.reason != program.done:
        yield f"the episode must end as {program.done}, and ended as {done}"
        return
    yield from _calls_lie(program, events)
    if program.done == "submitted":
        agents = [event for event in events if isinstance(event, TestRun) and event.purpose == "agent"]
        wanted = program.test if "test run" in program.stages else "any"
        for run in agents[-1:]:
            if wanted != "any" and (found := _shown(run, TEST)) not in wanted.split(" or "):
                yield f"test run: {wanted} is true, recorded was {found}: {_brief(run)}"
        found = "missing" if grade is None else _graded(grade)
        if program.grade != "any" and found not in program.grade.split(" or "):
            yield f"grade: {program.grade} is true, recorded was {found}: {_brief(grade)}"


def _calls_lie(program: Program, events: Sequence[Event]) -> Iterator[str]:
    results = [event for event in events if isinstance(event, ToolResult)]
    if program.kind == "toml":
        for number, (call, result) in enumerate(zip(program.calls, results, strict=False)):
            outcomes = call.outcome.replace("refused", "denied or error").split(" or ")
            if result.outcome not in outcomes or call.says not in result.text:
                yield f"call {number} ({call.tool}): expected {call.outcome} {call.says!r}, found {result.outcome}: {result.text[:300]!r}"
        return
    if "tool call" not in program.stages:
        return
    ended = results[1].text.partition("\n")[0]
    if not any(
        ended.startswith(_ENDINGS[each.split()[0]] + each.partition(" ")[2]) for each in program.ends.split(" or ")
    ):
        yield f"command: {program.ends} is true, recorded was {results[1].text[-400:]!r}"


def _shown(run: TestRun, test: str) -> str:
    if run.timed_out:
        return "timeout"
    if run.running is not None or run.exit_status not in (0, 1, 5) or not run.outcomes:
        return "died"
    return run.outcomes.get(test, "missing")


def _graded(run: TestRun) -> str:
    if run.timed_out:
        return "timeout"
    if dict(run.outcomes) == HONEST and run.exit_status == 1 and run.sentinel == "failed":
        return "honest"
    if run.running is not None or run.exit_status not in (0, 1) or not run.outcomes:
        return "died"
    return "other"


def _brief(run: TestRun | None) -> str:
    if run is None:
        return ""
    messages = [failure.message for failure in run.failures]
    return f"exit {run.exit_status}, running {run.running}, {dict(run.outcomes)}, {messages}, {run.output[-300:]!r}"
