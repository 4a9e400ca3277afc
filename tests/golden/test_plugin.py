"""The plugin as another project uses it: a folder of logs, each a test, in a pytest of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coding_agent.events.schema import EpisodeStarted, ModelTurn, Notice
from coding_agent.events.values import Limits
from coding_agent.replay.accept import accept
from coding_agent.replay.expected import expected_file
from coding_agent.replay.golden import check
from coding_agent.store.reader import read_events, verify
from tests.replay.rewriting import rewrite, written_then

REPLAYS = Path(__file__).parents[2] / "replays"


ALONE = ("-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:xdist.looponfail")
"""Other people's plugins take a second to import."""


def run(folder: Path, *options: str, beside: tuple[str, ...] = ALONE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *beside, "--rootdir", ".", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two golden episodes and no tests of its own."""
    (tmp_path / "replays").mkdir()
    for name in ("silence", "files"):
        for file in REPLAYS.glob(f"{name}.*"):
            shutil.copy(file, tmp_path / "replays")
    shutil.copytree(REPLAYS / "blobs", tmp_path / "replays" / "blobs")
    return tmp_path


OPTION = "--coding-agent-replays=replays"
FIX = ("--coding-agent-accept=fix", "--coding-agent-reason=the words are better")


def test_each_log_of_the_folder_is_a_test(project: Path) -> None:
    done = run(project, OPTION, "-v", beside=())
    assert done.returncode == 0, done.stdout
    assert "replays/silence.jsonl PASSED" in done.stdout
    assert "3 passed" in done.stdout


def test_a_folder_that_is_given_twice_is_tested_once(project: Path) -> None:
    assert "3 passed" in run(project, OPTION, OPTION).stdout


def test_it_works_on_several_workers(project: Path) -> None:
    assert "3 passed" in run(project, OPTION, "-n", "2", beside=()).stdout


def test_one_can_be_chosen_by_name(project: Path) -> None:
    assert "1 passed, 2 deselected" in run(project, OPTION, "-k", "silence").stdout


def test_without_the_option_nothing_is_collected_and_nothing_imported(project: Path) -> None:
    (project / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n    assert not [m for m in sys.modules if m.startswith('coding_agent.events')]\n"
    )
    assert "1 passed" in run(project).stdout


def folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda log: log.write_bytes(log.read_bytes().replace(b"toy", b"tOy", 1)), "damaged: "),
        (lambda log: log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1])), "unsealed: "),
        (lambda log: expected_file(log).unlink(), "no expectation: "),
        (lambda log: log.unlink(), "no log: "),
        (folder_instead, "damaged: "),
        (lambda log: folder_instead(expected_file(log)), "unreadable: "),
        (lambda log: expected_file(log).write_text("{}"), "changed: "),
        (lambda log: expected_file(log).write_text(expected_file(log).read_text().replace("no_tool_call", "x", 1)),
         "changed: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_name_and_without_a_traceback(project: Path, spoil: object, message: str) -> None:
    spoil(project / "replays" / "silence.jsonl")  # type: ignore[operator]
    done = run(project, OPTION)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert "1 failed, 2 passed" in done.stdout


def test_a_divergence_is_accepted_as_a_new_log_that_says_where_it_comes_from(project: Path) -> None:
    log = written_then(REPLAYS / "silence.jsonl", project / "replays" / "silence.jsonl", Notice, text="Call a tool.")
    old = verify(log)
    run(project, OPTION, *FIX)
    new = project / "replays" / "silence~2.jsonl"
    assert not log.exists()
    assert check(new) is None
    notices = [event.text for event in read_events(new) if isinstance(event, Notice)]
    assert notices[0].startswith("Your message had no tool call")
    (accepted,) = json.loads(expected_file(new).read_text())["accepted"]
    assert accepted["from"]["head"] == old.head
    assert (accepted["category"], accepted["reason"]) == ("fix", "the words are better")
    assert (accepted["found"]["code"], accepted["found"]["path"]) == ("RPL-FIELD", "notice.text")
    assert accepted["found"]["recorded"] == '"Call a tool."'


def test_the_name_of_a_new_log_is_one_that_nothing_has(project: Path) -> None:
    log = written_then(REPLAYS / "silence.jsonl", project / "replays" / "silence.jsonl", Notice, text="Call a tool.")
    others = [log.with_name("silence~2.jsonl"), log.with_name("silence~3.expected.json")]
    for other in others:
        other.write_text("somebody's")
    finding = check(log)
    assert finding is not None
    assert accept(log, finding, "fix", reason="better") == f"wrote {log.with_name('silence~4.jsonl')} in place of {log}"
    assert [other.read_text() for other in others] == ["somebody's"] * 2


@pytest.mark.parametrize("change", [{"kind": Notice, "text": "Call a tool."}, {"kind": ModelTurn, "content": "Lies."}])
def test_a_log_that_was_edited_and_sealed_again_is_replaced_and_nothing_is_accepted_of_it(
    project: Path, change: Any
) -> None:
    log = project / "replays" / "silence.jsonl"
    log.unlink()
    raw = rewrite(REPLAYS / "silence.jsonl", log, **change).read_bytes()
    done = run(project, OPTION, *FIX)
    assert "replaced: replays/silence.jsonl is another log than" in done.stdout
    assert "restore the log from a copy" in done.stdout
    assert "1 failed, 2 passed" in done.stdout
    assert log.read_bytes() == raw
    assert not log.with_name("silence~2.jsonl").exists()


def test_no_log_is_derived_from_one_of_which_nothing_says_that_it_was_recorded(project: Path) -> None:
    log = written_then(REPLAYS / "silence.jsonl", project / "replays" / "silence.jsonl", Notice, text="Call a tool.")
    expected_file(log).unlink()
    done = run(project, OPTION, *FIX)
    assert "says that this is the log that was recorded" in done.stdout
    assert "1 failed, 2 passed" in done.stdout
    assert log.exists()


def test_a_divergence_fails_with_the_report_that_the_command_prints(project: Path) -> None:
    written_then(REPLAYS / "silence.jsonl", project / "replays" / "silence.jsonl", Notice, text="Call a tool.")
    done = run(project, OPTION)
    told = subprocess.run(
        [sys.executable, "-m", "coding_agent.cli.main", "replay", "replays/silence.jsonl"], cwd=project,
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "500"},
    ).stdout.splitlines()[1:]  # fmt: skip
    assert len(told) > 9
    assert [line for line in told if line.rstrip() not in done.stdout] == []


def test_a_changed_projection_is_accepted_with_its_origin(project: Path) -> None:
    expected = project / "replays" / "files.expected.json"
    expected.write_text(expected.read_text().replace('"value": 1.0', '"value": 0.5'))
    assert "reward.value was 0.5, this release projects 1.0" in run(project, OPTION).stdout
    assert run(project, OPTION, *FIX).returncode == 0
    assert run(project, OPTION).returncode == 0
    expected.write_text(expected.read_text().replace('"value": 1.0', '"value": 0.5'))
    assert run(project, OPTION, *FIX).returncode == 0
    accepted = json.loads(expected.read_text())["accepted"]
    assert [each["reason"] for each in accepted[-2:]] == ["the words are better"] * 2


def test_a_change_is_not_accepted_without_a_reason(project: Path) -> None:
    done = run(project, OPTION, "--coding-agent-accept", "fix", "--coding-agent-reason", " ")
    assert done.returncode == 4
    assert "why is the change right?" in done.stderr


def test_an_expectation_without_a_log_is_trimmed_only_when_asked(project: Path) -> None:
    (project / "replays" / "silence.jsonl").unlink()
    assert run(project, OPTION, *FIX).returncode == 1
    assert run(project, OPTION, "--coding-agent-accept", "trim").returncode == 0
    assert not (project / "replays" / "silence.expected.json").exists()


def test_an_episode_that_goes_another_way_is_diverged_and_no_new_log_can_be_derived(project: Path) -> None:
    log = project / "replays" / "silence.jsonl"
    written_then(REPLAYS / "silence.jsonl", log, EpisodeStarted, limits=Limits(no_call_turns=2))
    done = run(project, OPTION)
    assert "diverged: " in done.stdout
    assert "RPL-TYPE" in done.stdout
    done = run(project, OPTION, *FIX)
    assert "record the episode anew" in done.stdout
    assert "Traceback" not in done.stdout
    assert log.exists()


def test_a_blob_that_no_log_names_is_told_and_trimmed(project: Path) -> None:
    (project / "replays" / "blobs" / ("0" * 64)).write_bytes(b"")
    assert "no log names 0000" in run(project, OPTION).stdout
    assert run(project, OPTION, "--coding-agent-accept", "trim").returncode == 0
    assert run(project, OPTION).returncode == 0


def test_no_blob_is_trimmed_while_a_log_can_not_be_read_and_nothing_that_is_no_blob(project: Path) -> None:
    blobs, log = project / "replays" / "blobs", project / "replays" / "silence.jsonl"
    blobs.mkdir(exist_ok=True)
    (blobs / ("0" * 64)).write_bytes(b"")
    (blobs / "README").write_bytes(b"")
    log.write_bytes((whole := log.read_bytes()).replace(b"toy", b"tOy", 1))
    run(project, OPTION, "--coding-agent-accept", "trim")
    assert (blobs / ("0" * 64)).exists()
    log.write_bytes(whole)
    assert run(project, OPTION, "--coding-agent-accept", "trim").returncode == 0
    assert [path.name for path in blobs.iterdir() if path.name in {"0" * 64, "README"}] == ["README"]


def test_accepting_needs_a_folder(project: Path) -> None:
    assert "of which folder?" in run(project, *FIX).stderr


def test_damage_is_never_accepted(project: Path) -> None:
    log = project / "replays" / "silence.jsonl"
    log.write_bytes(raw := log.read_bytes().replace(b"toy", b"tOy", 1))
    for options in (["--coding-agent-accept=create"], FIX, ["--coding-agent-accept=trim"]):
        assert run(project, OPTION, *options).returncode == 1
    assert log.read_bytes() == raw


def test_a_folder_without_logs_is_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path, "--coding-agent-replays=nowhere")
    assert done.returncode == 4
    assert "expected a folder of logs, found nowhere" in done.stderr


def test_the_fixture_gives_an_episode_with_its_projections(project: Path) -> None:
    (project / "test_own.py").write_text(
        "def test_own(recorded_episode):\n"
        "    episode = recorded_episode('replays/files.jsonl')\n"
        "    assert episode.reward.value == 1.0\n"
        "    assert 'return 2 * x' in episode.patch\n"
        "    assert episode.trajectory.reason == 'submitted'\n"
        "    assert episode.conversation[-1].role == 'tool'\n"
        "    assert episode.metrics.passed and episode.metrics.turns == len(episode.trajectory.spans)\n"
        "    assert episode.transcript[-1].kind == 'done'\n"
    )
    done = run(project)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("replays/nothing.jsonl", "recorded_episode: there is no replays/nothing.jsonl below"),
        ("replays/silence.jsonl", "recorded_episode: replays/silence.jsonl, line 1, byte 0: event 0 was written whole"),
        ("replays/other.jsonl", "replays/other.jsonl  event 2 of 8"),
    ],
)
def test_the_fixture_fails_in_one_piece_and_shows_nothing_of_its_inside(project: Path, path: str, message: str) -> None:
    rewrite(REPLAYS / "silence.jsonl", project / "replays" / "other.jsonl", Notice, text="Call a tool.")
    log = project / "replays" / "silence.jsonl"
    log.write_bytes(log.read_bytes().replace(b"toy", b"tOy", 1))
    (project / "test_own.py").write_text(f"def test_own(recorded_episode):\n    recorded_episode({path!r})\n")
    said = run(project).stdout
    assert message in said
    assert "1 failed" in said
    assert not any(inside in said for inside in ("Traceback", "Error:", "coding_agent/", ">  "))


def test_a_run_directory_is_no_golden_folder_and_is_told_what_to_do(project: Path) -> None:
    episodes = project / "runs" / "first" / "episodes" / "toy"
    episodes.mkdir(parents=True)
    (project / "runs" / "first" / "run.toml").write_text("")
    shutil.copy(project / "replays" / "silence.jsonl", episodes / "0.0.jsonl")
    for folder in ("runs/first", "runs/first/episodes/toy"):
        done = run(project, f"--coding-agent-replays={folder}")
        assert done.returncode == 4
        assert f"{folder} is (part of) a run directory" in done.stderr
        assert "coding-agent record runs/first/episodes/" in done.stderr.replace(str(project) + "/", "")


def test_of_a_folder_whose_logs_are_further_down_is_told_where_they_are(project: Path) -> None:
    done = run(project, "--coding-agent-replays=.")
    assert done.returncode == 4
    assert "there is no log in ., but 2 logs in replays" in done.stderr
