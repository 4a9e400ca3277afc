"""Files and folders whose names are no UTF-8, or of several lines: `--json` stays JSON, and a report tells the truth."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coding_agent.cli.main import cli
from coding_agent.events.schema import EpisodeStarted
from coding_agent.events.text import unescape
from coding_agent.replay.accept import accept
from coding_agent.replay.golden import check
from coding_agent.store.reader import read_events
from tests.cli.test_bad_input import SUBMIT
from tests.cli.test_commands import EPISODE, TASK

NAME = os.fsdecode(b"odd\xff")


def answer(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(cli, [*map(str, arguments)], standalone_mode=False)
    if result.exception:
        raise result.exception
    assert result.return_value == code
    return result.stdout


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return Path(shutil.copy(EPISODE, tmp_path / f"{NAME}.jsonl"))


@pytest.mark.parametrize(
    "arguments",
    [("verify",), ("replay",), ("recover",), ("stats",), ("score",), ("audit",), ("record", "--name", NAME, "--to")],
)
def test_the_json_of_any_command_names_the_file(log: Path, arguments: tuple[str, ...]) -> None:
    golden = [log.parent / NAME] if "record" in arguments else []
    said: Any = answer(*arguments, *golden, log, "--json")
    json.loads(said)
    assert NAME in unescape(said) or arguments == ("stats",)


def test_a_run_in_such_a_place_with_such_a_policy_is_resumed_and_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / NAME
    place.mkdir()
    monkeypatch.chdir(place)
    Path(f"{NAME}.jsonl").write_text(SUBMIT)
    chosen = ("--sandbox", "local", "--quiet", "--json")
    answer("rollout", TASK, "--policy", f"scripted:{NAME}.jsonl", "--out", NAME, *chosen)
    (run,) = (each for each in place.iterdir() if each.is_dir())
    (episode,) = run.glob("episodes/*/*.jsonl")
    lines = episode.read_bytes().splitlines(keepends=True)
    episode.write_bytes(b"".join(lines[:2]))
    (run / "manifest.jsonl").unlink()
    monkeypatch.chdir(tmp_path)
    told = json.loads(answer("resume", run, *chosen))
    assert (told["episodes"][0]["reason"], unescape(told["run"])) == ("submitted", str(run))
    start = read_events(episode)[0]
    assert isinstance(start, EpisodeStarted)
    assert unescape(start.policy) == f"scripted:{NAME}.jsonl"
    monkeypatch.chdir(place)
    branch = json.loads(answer("fork", episode, "--at", "0", "--tasks", TASK, "--out", f"{NAME}2", *chosen))
    assert branch["episodes"][0]["reason"] == "submitted"


def test_what_is_found_in_such_a_file_is_accepted(log: Path) -> None:
    found = check(log)
    assert found is not None
    accept(log, found, "create")
    assert check(log) is None


def test_a_name_of_several_lines_is_shown_on_one(tmp_path: Path) -> None:
    log = tmp_path / "a\nsealed       b.jsonl"
    log.write_bytes(EPISODE.read_bytes()[:-40])
    for command in ("verify", "replay"):
        said = answer(command, log, code=3)
        assert [line for line in said.splitlines() if line.startswith(("sealed", "identical"))] == []
