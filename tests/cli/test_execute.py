from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.events.schema import ToolResult
from coding_agent.store.reader import read_events
from coding_agent.store.writer import LogWriter
from tests.cli.test_commands import EPISODE, ROOT, document, run


def test_a_recording_is_executed_again() -> None:
    done = run("replay", "--execute", EPISODE, "--json")
    assert done.returncode == 0, done.stderr
    (result,) = document(done)
    assert (result["outcome"], result["execution"]["graded"]) == ("reproduced", True)


def test_a_difference_exits_1_and_is_shown_with_both_sides(tmp_path: Path) -> None:
    changed = False
    with LogWriter.create(tmp_path / "a.jsonl") as log:
        for event in read_events(EPISODE):
            if isinstance(event, ToolResult) and event.changes is not None and not changed:
                changed = True
                event = attrs.evolve(event, text="Something else.")
            log.append(event)
    done = run("replay", "--execute", tmp_path / "a.jsonl")
    assert done.returncode == 1
    assert "tool_result.text" in done.stdout
    assert "recorded  'Something else.'" in done.stdout


def test_a_task_that_is_not_there_is_named() -> None:
    done = run("replay", "--execute", EPISODE, "--tasks", ROOT / "tasks" / "topic-bus")
    assert done.returncode == 2
    assert "say where it is (--tasks)" in " ".join(done.stderr.split())
