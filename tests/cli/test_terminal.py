"""What a person sees: a roll-out on a terminal, the commands that it ends with, and `show` in colour."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from coding_agent.events.schema import ToolCall
from coding_agent.events.values import JSON
from coding_agent.projections.patch import patch
from coding_agent.store.reader import read_events
from coding_agent.store.writer import LogWriter
from tests.cli.terminal import ESCAPES, Screen, on_a_terminal
from tests.cli.test_commands import ROOT, TASK, run
from tests.samples import no_blob

pytestmark = pytest.mark.xdist_group("terminal")
PROGRAM = Path(sys.executable).with_name("coding-agent")
FAILED = ROOT / "replays" / "broken-tests.jsonl"
RED, GREEN = "\x1b[1;31m", "\x1b[1;32m"


@attrs.frozen
class Watched:
    folder: Path
    screen: Screen


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A roll-out that somebody watches, as `make demo` starts it: by its path. Its run directory has a blank in it."""
    folder = tmp_path_factory.mktemp("watched")
    command = (PROGRAM, "rollout", TASK, "--policy", "repair", "-k", "2", "-n", "2", "--out", "my run")
    screen = on_a_terminal(*command, cwd=folder, PATH="/usr/bin:/bin")
    assert screen.code == 0, screen.text
    return Watched(folder, screen)


def test_progress_is_live_while_episodes_run(watched: Watched) -> None:
    frames = [ESCAPES.sub("", frame) for frame in watched.screen.raw.split("\r")]
    bars = [frame for frame in frames if frame.startswith("episodes ")]
    # Both may end between two frames.
    assert {found[0] for bar in bars if (found := re.search(r"[012]/2", bar))} - {"1/2"} == {"0/2", "2/2"}
    stages = {word.partition(":")[0] for bar in bars for word in re.findall(r"[a-z-]+:[12]\b", bar)}
    assert "tool" in stages
    assert stages <= {"set-up", "policy", "tool", "grade"}
    assert "\x1b[?25h" in watched.screen.raw, "the cursor is shown again"


def test_each_episode_is_told_when_it_ends(watched: Watched) -> None:
    ended = re.findall(r"\[(\d)/2\] passed interval-gap #(\d)  submitted, \d+ turns\n", watched.screen.text)
    assert [number for number, _ in ended] == ["1", "2"]
    assert {sample for _, sample in ended} == {"0", "1"}


def test_it_ends_with_a_table_of_outcomes_and_the_run_directory(watched: Watched) -> None:
    _, _, closing = watched.screen.text.rpartition("task          sample")
    first, second, _, told, *_ = closing.splitlines()[1:]
    assert first.split() == ["interval-gap", "0", "passed", "submitted", first.split()[4], "interval-gap/0.0.jsonl"]
    assert second.split()[:4] == ["interval-gap", "1", "passed", "submitted"]
    assert told == "2 of 2 episodes passed. The run is in my run"
    assert (watched.folder / "my run" / "episodes" / "interval-gap" / "0.0.jsonl").is_file()


def test_the_three_commands_that_it_names_next_run_as_they_are(watched: Watched) -> None:
    _, _, after = watched.screen.text.partition("\nNext:\n")
    commands = [line.strip() for line in after.splitlines() if line.strip()]
    assert [shlex.split(command)[:2] for command in commands] == [
        [str(PROGRAM), "show"], [str(PROGRAM), "replay"], [str(PROGRAM), "stats"],
    ]  # fmt: skip
    done = [subprocess.run(line, shell=True, cwd=watched.folder, capture_output=True, text=True, check=False)
            for line in commands]  # fmt: skip
    assert [each.returncode for each in done] == [0, 0, 0]
    for each, expected in zip(done, ("passed: all 8 expected tests", "identical", "2 of 2 graded"), strict=True):
        assert expected in each.stdout


@pytest.mark.parametrize(
    ("path", "expected"),
    [(f"{PROGRAM.parent}:{os.environ['PATH']}", ["coding-agent"]),
     ("/usr/bin:/bin", [sys.executable, "-m", "coding_agent.cli.main"])],
)  # fmt: skip
def test_they_are_named_as_a_shell_finds_them(tmp_path: Path, path: str, expected: list[str]) -> None:
    arguments = ("rollout", TASK, "--policy", "gold", "--sandbox", "local", "--out", tmp_path / "run")
    *_, last = run(*arguments, PATH=path).stdout.rstrip().splitlines()
    assert shlex.split(last) == [*expected, "stats", str(tmp_path / "run")]


def test_show_is_coloured_and_tells_failures_first() -> None:
    screen = on_a_terminal(PROGRAM, "show", FAILED, cwd=ROOT)
    first, second, third, *rest = screen.raw.splitlines()
    assert first.startswith(f"{RED}⚖ failed: 2 of 3 expected tests did not pass")
    assert "not passed: tests/test_double.py::test_three" in second
    assert "not passed: tests/test_hidden.py::test_five" in third
    assert "→ " in "".join(rest)


def test_show_colours_what_passed_and_both_sides_of_a_diff(watched: Watched) -> None:
    log = watched.folder / "my run" / "episodes" / "interval-gap" / "0.0.jsonl"
    lines = on_a_terminal(PROGRAM, "show", log, cwd=ROOT).raw.splitlines()
    assert lines[0].startswith(f"{GREEN}⚖ passed: all 8 expected tests")
    colours = {
        sign: {match[1] for line in lines if (match := re.match(rf"(\x1b\[[0-9;]+m)\{sign}[^+-]", line))}
        for sign in "+-"
    }
    assert colours["+"]
    assert colours["-"]
    assert colours["+"].isdisjoint(colours["-"])


EDIT: dict[str, JSON] = {"path": "a.py", "old": "x = 1\ny = 2", "new": "x = 1\ny = 3"}


def log_of_calls(path: Path, edit: dict[str, JSON], command: str) -> Path:
    """ep123, with an edit and a command in place of its first two calls."""
    calls = iter([ToolCall(call="1.0", tool="replace_text", arguments=edit),
                  ToolCall(call="2.0", tool="run_command", arguments={"command": command})])  # fmt: skip
    with LogWriter.create(path) as log:
        for event in read_events(ROOT / "replays" / "ep123.jsonl"):
            log.append(next(calls, event) if isinstance(event, ToolCall) else event)
    return path


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A log with an edit and a command of several lines."""
    return log_of_calls(tmp_path / "edited.jsonl", EDIT, "cat <<.\nwhole\n.")


def test_an_edit_is_shown_as_a_diff_and_other_long_arguments_when_asked_for(edited: Path) -> None:
    shown, whole = run("show", edited).stdout, run("show", edited, "--full").stdout
    for each in (shown, whole):
        assert "-x = 1\n-y = 2\n+x = 1\n+y = 3\n" in re.sub(" +\n", "\n", each)
    assert "    whole\n" not in shown
    assert "    command:\n    cat <<.\n    whole\n    .\n" in whole


def test_what_a_terminal_would_obey_is_shown_and_not_sent(tmp_path: Path) -> None:
    """A log holds whatever a model wrote: here a new title, an erased screen, a raw NUL, C1's escape, a turned line."""
    edit: dict[str, JSON] = {"path": "\x1b]0;title\x1b\\", "old": "a\x00b", "new": "\x9b2J"}
    log = log_of_calls(tmp_path / "rude.jsonl", edit, "echo \x1b[2J \u202e")
    piped, screen = run("show", log, "--full").stdout, on_a_terminal(PROGRAM, "show", log, "--full", cwd=ROOT).raw
    for shown in (piped, screen):
        assert not re.search("[\x00-\x07\x0e-\x1a\x80-\x9f\u202e]|\x1b[^[]|\x1b\\[[0-9;]*[^0-9;m]", shown)
        assert all(text in shown for text in (r"\x1b]0;title", r"a\x00b", r"\x9b2J", r"\x1b[2J \u202e"))
    assert "\x1b" not in piped


def test_a_patch_is_coloured_for_people_and_as_it_is_for_programs() -> None:
    log = ROOT / "replays" / "ep123.jsonl"
    screen, piped = on_a_terminal(PROGRAM, "show", log, "--patch", cwd=ROOT), run("show", log, "--patch")
    assert "\x1b[" in screen.raw
    assert [line.rstrip() for line in screen.text.splitlines()] == [line.rstrip() for line in piped.stdout.splitlines()]
    assert piped.stdout.startswith("diff --git ")


def test_a_patch_in_a_pipe_keeps_escapes_that_are_part_of_the_code(tmp_path: Path) -> None:
    write = {"name": "write_file", "arguments": {"path": "calendar_slots/x.py", "content": 'CLEAR = "\x1b[2J"\n'}}
    (tmp_path / "script.jsonl").write_text(json.dumps({"content": "", "tool_calls": [write]}) + "\n")
    run(
        "rollout",
        TASK,
        "--policy",
        f"scripted:{tmp_path}/script.jsonl",
        "--sandbox",
        "local",
        "--out",
        tmp_path / "run",
    )
    log = tmp_path / "run/episodes/interval-gap/0.0.jsonl"
    piped = subprocess.run([PROGRAM, "show", log, "--patch"], capture_output=True, check=True).stdout
    assert piped == patch(read_events(log), no_blob).encode()
    assert b'+CLEAR = "\x1b[2J"\n' in piped


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("coding-agent ro", ["rollout"]),
        ("coding-agent tasks val", ["validate"]),
        ("coding-agent show --pa", ["--patch"]),
    ],
)
def test_the_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    at = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_CODING_AGENT_COMPLETE": "bash_complete"}
    done = subprocess.run([PROGRAM], env={**os.environ, **at}, capture_output=True, text=True, check=False)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == offered


def test_nothing_that_goes_into_a_pipe_is_coloured_or_moves_a_cursor(tmp_path: Path) -> None:
    rolled = run("rollout", TASK, "--policy", "gold", "--sandbox", "local", "--out", tmp_path / "run")
    shown = run("show", FAILED, "--full")
    assert "[1/1] passed interval-gap" in rolled.stderr
    assert "→ " in shown.stdout
    assert "\x1b" not in rolled.stdout + rolled.stderr + shown.stdout + shown.stderr
