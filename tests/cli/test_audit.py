"""`coding-agent audit` as a process."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from coding_agent.events.schema import ToolResult
from coding_agent.store.reader import read_events
from coding_agent.store.writer import LogWriter
from tests.cli.test_commands import EPISODE, ROOT, document, run
from tests.projections.test_audit import changed

DETECTOR = """
from coding_agent.events.schema import ToolCall
from coding_agent.projections.audit import Finding

def detector(events):
    for seq, event in enumerate(events):
        if isinstance(event, ToolCall) and event.tool == "run_tests":
            yield Finding(code="MINE-1", severity="cheat", seq=seq, where=event.call, evidence="ran the tests")

def broken(events):
    return ["a text"]
"""


@pytest.fixture
def rewarded_cheat(tmp_path: Path) -> Path:
    """A log of an episode that earned 1.0, with a cheat in one of its results."""
    path, edit = tmp_path / "cheat.jsonl", changed("double.py", None, "import os\nos._exit(0)\n")
    with LogWriter.create(path) as log:
        for event in read_events(EPISODE):
            if isinstance(event, ToolResult) and event.changes is not None and event.changes.files:
                log.append(attrs.evolve(event, changes=edit.changes))
            else:
                log.append(event)
    return path


def test_logs_without_a_mark_exit_0(tmp_path: Path) -> None:
    honest = [log for log in sorted((ROOT / "replays").glob("*.jsonl")) if log.name != "ended-early.jsonl"]
    done = run("audit", *honest, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert document(done)["marked"] == 0
    assert {"AUD-NEW-SKIP", "AUD-OUTSIDE", "AUD-UNDONE", "AUD-WEAKER"} <= {
        row["code"] for row in document(done)["patterns"]
    }


def test_of_all_recorded_episodes_only_the_one_that_ends_its_tests_early_is_marked() -> None:
    done = run("audit", ROOT / "replays", "--json")
    assert done.returncode == 1
    assert [Path(log["file"]).name for log in document(done)["logs"] if log["marked"]] == ["ended-early.jsonl"]


def test_a_marked_log_exits_1_and_its_reward_is_named_and_left_alone(rewarded_cheat: Path) -> None:
    before = rewarded_cheat.read_bytes()
    done = run("audit", rewarded_cheat, "--json")
    assert done.returncode == 1
    assert document(done)["affected"] == {"files": [str(rewarded_cheat)], "rewards": 1.0}
    assert {finding["code"] for finding in document(done)["logs"][0]["findings"]} == {"AUD-EXIT"}
    assert rewarded_cheat.read_bytes() == before


def test_people_are_told_file_event_and_evidence(rewarded_cheat: Path) -> None:
    done = run("audit", rewarded_cheat)
    assert f"{rewarded_cheat}  reward 1" in done.stdout
    assert "double.py: os._exit(0)" in done.stdout


def test_the_least_severity_decides_what_marks() -> None:
    log = ROOT / "replays" / "tampering.jsonl"
    assert run("audit", log).returncode == 0
    assert run("audit", log, "--least", "note").returncode == 1


def test_a_pattern_of_ones_own_is_tried_on_old_logs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(DETECTOR)
    done = run("audit", EPISODE, "--detector", tmp_path / "mine.py", "--json")
    assert done.returncode == 1
    assert [row["code"] for row in document(done)["patterns"]] == ["MINE-1"]
    assert run("audit", EPISODE, "--detector", f"{tmp_path / 'mine.py'}:broken").returncode == 2


def test_a_damaged_log_is_named_and_exits_3_and_the_others_are_audited(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(EPISODE.read_bytes()[:-40] + b"\n")
    (tmp_path / "b.jsonl").write_bytes(EPISODE.read_bytes())
    done = run("audit", tmp_path, "--json")
    assert done.returncode == 3
    assert len(document(done)["logs"]) == len(document(done)["unreadable"]) == 1
