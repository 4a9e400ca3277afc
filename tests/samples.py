"""A small legal episode, made by hand, that many tests start from."""

from __future__ import annotations

from pathlib import Path

from coding_agent.events.schema import Done, EpisodeStarted, Event, ModelTurn, TestRun, ToolCall, ToolResult
from coding_agent.events.values import (
    Changes,
    Conversation,
    Counts,
    FileChange,
    FileContent,
    Limits,
    Message,
    ModelToolCall,
    SandboxInfo,
    Usage,
)
from coding_agent.store.writer import Durability, LogWriter

AT = "2026-01-02T03:04:05.000006Z"
START = EpisodeStarted(
    episode="toy.0.0",
    task="toy",
    task_digest="t",
    sample=0,
    attempt=0,
    seed=7,
    messages=(Message(role="system", content="Be good."), Message(role="user", content="Mend it.")),
    tools=(),
    prompt_version="1",
    conversation=Conversation(),
    limits=Limits(turns=5),
    policy="scripted:toy",
    tree="t0",
    sandbox=SandboxInfo(kind="local"),
    harness="test",
)
WRITE = ModelToolCall(
    id="w", name="write_file", raw='{"path":"a.py","content":"b\\n"}', arguments={"path": "a.py", "content": "b\n"}
)
SUBMIT = ModelToolCall(
    id="s", name="submit", raw='{"status":"solved","summary":"done"}', arguments={"status": "solved", "summary": "done"}
)
CHANGED = Changes(
    files=(FileChange(path="a.py", kind="modify", text="b\n", before=FileContent(text="a\n")),), tree="t1"
)
GRADE = TestRun(
    purpose="grade",
    command=("python", "-m", "pytest"),
    expected=("tests/test_a.py::test_x",),
    outcomes={"tests/test_a.py::test_x": "passed"},
    exit_status=0,
    tree="t2",
)


def turn(number: int, *calls: ModelToolCall, content: str | None = "hm") -> ModelTurn:
    usage = Usage(prompt_tokens=10, completion_tokens=2)
    return ModelTurn(turn=number, request_digest="d", content=content, calls=calls, usage=usage)


def toy_episode() -> list[Event]:
    """Two turns: write a file, submit; graded; done."""
    counts = Counts(turns=2, tool_calls=2, test_runs=0, prompt_tokens=20, completion_tokens=4)
    return [
        START,
        turn(1, WRITE),
        ToolCall(call="1.0", tool="write_file", arguments={"path": "a.py", "content": "b\n"}),
        ToolResult(call="1.0", outcome="ok", text="Overwrote a.py", changes=CHANGED),
        turn(2, SUBMIT),
        ToolCall(call="2.0", tool="submit", arguments={"status": "solved", "summary": "done"}),
        ToolResult(call="2.0", outcome="ok", text="Submitted as solved."),
        GRADE,
        Done(reason="submitted", summary="done", counts=counts),
    ]


def episode_with_blob(name: str) -> list[Event]:
    """As `toy_episode`, with the content that was written in a blob of this name: event 3 names it."""
    events = toy_episode()
    file = FileChange(path="a.py", kind="modify", blob=name, before=FileContent(text="a\n"))
    events[3] = ToolResult(call="1.0", outcome="ok", text="Overwrote a.py", changes=Changes(files=(file,), tree="t1"))
    return events


def write_log(path: Path, events: list[Event], *, durability: Durability = "event") -> Path:
    with LogWriter.create(path, durability=durability) as log:
        for event in events:
            log.append(event)
    return path


def no_blob(name: str) -> bytes:
    raise AssertionError(name)
