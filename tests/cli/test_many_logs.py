"""Many logs at once: bad ones among them are told and stop nobody; those that diverged are grouped by cause."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coding_agent.cli import exits
from coding_agent.cli.replay import command
from coding_agent.events.schema import Notice, ToolResult
from coding_agent.store.rundir import verify_log
from tests.replay.rewriting import rewrite

REPLAYS = Path(__file__).parents[2] / "replays"
SILENCE, EPISODE = REPLAYS / "silence.jsonl", REPLAYS / "ep123.jsonl"
DEEP = b"[" * 1000 + b"]" * 1000
OF_ONE_CAUSE, WHOLE = 41, 60


def bad(folder: Path) -> dict[str, str]:
    """Whatever a folder of logs may hold besides, and what `verify` calls each."""
    raw = SILENCE.read_bytes()
    lines = raw.splitlines(keepends=True)
    contents = {
        "cut": raw[:-40], "empty": b"", "zeros": bytes(4096), "changed": raw.replace(b"message", b"messages", 1),
        "foreign": b"hello\n", "binary": bytes(range(256)) * 9, "shuffled": b"".join(reversed(lines)),
        "deep": lines[0].replace(b'"data":{', b'"data":{"x":' + DEEP + b", ", 1), "endless": b"x" * 100_000,
    }  # fmt: skip
    for name, content in contents.items():
        (folder / f"bad-{name}.jsonl").write_bytes(content)
    (folder / "bad-folder.jsonl").mkdir()
    (folder / "bad-link.jsonl").symlink_to("nowhere")
    os.mkfifo(folder / "bad-pipe.jsonl")
    names = sorted(path.name for path in folder.glob("bad-*"))
    return {name: next(verify_log(folder / name)).condition for name in names}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of logs, and the outcome of each."""
    folder = tmp_path_factory.mktemp("many")
    expected = bad(folder)
    reworded = rewrite(SILENCE, folder / "other-0.jsonl", Notice, text="Other.")
    for number in range(1, OF_ONE_CAUSE):
        shutil.copy(reworded, folder / f"other-{number}.jsonl")
    rewrite(EPISODE, folder / "lone.jsonl", ToolResult, text="Other.", where=lambda event: "failed" in event.text)
    for number in range(WHOLE):
        shutil.copy(SILENCE, folder / f"whole-{number}.jsonl")
    for path in folder.iterdir():
        if path.name not in expected:
            expected[path.name] = "identical" if path.name.startswith("whole") else "diverged"
    return folder, expected


def replayed(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(command, [*map(str, arguments)], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout


def test_bad_logs_among_many_stop_nobody(mixed: tuple[Path, dict[str, str]]) -> None:
    folder, expected = mixed
    code, said = replayed(folder, "--json")
    told: dict[str, Any] = json.loads(said)
    assert code == exits.DAMAGED
    assert {Path(each["file"]).name: each["outcome"] for each in told["logs"]} == expected
    assert all(each["problem"] and each["next"] for each in told["logs"] if Path(each["file"]).name.startswith("bad"))
    assert [len(cause["files"]) for cause in told["summary"]["causes"]] == [OF_ONE_CAUSE, 1]


def test_a_cause_is_explained_once_and_all_are_counted(mixed: tuple[Path, dict[str, str]]) -> None:
    folder, expected = mixed
    _, said = replayed(folder)
    assert said.count("notice.text differs") == 1
    assert f"{len(expected)} logs: 7 damaged, 42 diverged, 60 identical, 1 missing, 4 torn" in said
    assert "\ntorn " in said
    assert "42 episodes diverged, 2 causes:" in said


def test_a_pipe_is_no_folder_and_a_name_of_two_lines_is_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    shutil.copy(SILENCE, tmp_path / "a\nidentical    b.jsonl")
    code, said = replayed(tmp_path / "pipe.jsonl", tmp_path / "a\nidentical    b.jsonl")
    assert code == exits.DAMAGED
    assert "pipe.jsonl: can not be read: not a regular file" in said
    assert [line.split()[0] for line in said.splitlines() if "b.jsonl" in line] == ["identical"]
