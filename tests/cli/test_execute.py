from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.cli import exits
from coding_agent.events.schema import EpisodeStarted, ToolResult
from coding_agent.store.reader import read_events, read_records
from coding_agent.store.writer import LogWriter
from tests.cli.test_commands import EPISODE, ROOT, document, run
from tests.replay.field_mutations import written
from tests.replay.rewriting import rewrite

SHORT = ROOT / "replays" / "gold.jsonl"
"""Three calls of the same task; the repairer's many are executed again by `tests/replay/test_execute.py`."""


def test_a_recording_is_executed_again() -> None:
    done = run("replay", "--execute", SHORT, "--json")
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
    assert done.stdout.startswith("refused ")
    assert "say where it is (--tasks)" in done.stdout


def test_a_log_that_can_not_be_executed_is_told_and_stops_no_other(tmp_path: Path) -> None:
    raw = EPISODE.read_bytes()
    (tmp_path / "a-damaged.jsonl").write_bytes(raw.replace(b"interval", b"Interval", 1))
    rewrite(EPISODE, tmp_path / "b-other.jsonl", EpisodeStarted, task="nowhere")
    opening, turn, *_ = read_records(EPISODE)
    written([opening, turn, attrs.evolve(turn, seq=2)], None, tmp_path / "c-illegal.jsonl")
    (tmp_path / "d.jsonl").write_bytes(SHORT.read_bytes())
    done = run("replay", "--execute", tmp_path, "--json")
    results = document(done)
    assert [each["outcome"] for each in results] == ["damaged", "refused", "failed", "reproduced"]
    assert all(each["problem"] for each in results[:3])
    assert results[0]["next"]["text"]
    assert done.returncode == 3
    assert exits.worst([0, 2]) == 2
    assert exits.worst([1, 2]) == 1
