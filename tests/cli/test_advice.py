"""Whatever state a log is in: `verify` of it and of its run agree, every command does, and what is advised works."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import attrs
import click
import pytest
from click.testing import CliRunner

from coding_agent.cli import exits
from coding_agent.cli.main import cli, exit_code
from coding_agent.errors import CodingAgentError
from coding_agent.events.line import CHAIN_SEED, STATE_SEED, write_line
from coding_agent.events.schema import FORMAT
from coding_agent.store.advice import TABLE, FileKind, LogCondition
from tests.samples import START

TASK = Path(__file__).parents[2] / "tasks" / "interval-gap"


@attrs.frozen
class Place:
    """A run of one log that names a blob."""

    run: Path
    log: Path

    @property
    def manifest(self) -> Path:
        return self.run / "manifest.jsonl"

    @property
    def blob(self) -> Path:
        return next((self.run / "blobs").iterdir())


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def change(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def keep_lines(place: Place, count: int, more: bytes = b"") -> None:
    """What a killed process leaves: no Done, so no entry in the manifest."""
    place.log.write_bytes(b"".join(place.log.read_bytes().splitlines(keepends=True)[:count]) + more)
    place.manifest.unlink()


def newer(place: Place) -> None:
    event = attrs.evolve(START, format=FORMAT + 1)
    line = write_line(event, seq=0, at="", synced=-1, state=STATE_SEED, chain=CHAIN_SEED)
    place.log.write_bytes(line.raw)
    place.manifest.unlink()


@attrs.frozen
class State:
    """`make` brings about the state; then these are the exit codes of each command."""

    make: Callable[[Place], object]
    kind: FileKind
    condition: str
    replay: int
    recover: int
    resume: int | None = exits.DAMAGED
    """None: `resume` would go on."""
    alone: str | None = None
    """What a log by itself is in the end, when advice changes it."""

    kept: str | None = None
    """What a log of a run is in the end, when there is no more to be done about it."""

    def left(self, *, alone: bool) -> str | None:
        """What it is when all that is advised was done. What a log by itself lacks, a run would have to go on with."""
        if self.kept is not None:
            return self.kept
        if alone:
            return self.alone or self.condition
        return None if self.condition in {"incomplete", "torn"} or self.kind == "manifest" else self.condition


def unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def change_end(place: Place) -> None:
    place.manifest.unlink()
    raw = place.log.read_bytes()
    place.log.write_bytes(raw[:-9] + b"x" + raw[-8:])


def through_a_link(place: Place) -> None:
    """Sealed, then cut in a line; the run is met through a link to its episodes."""
    cut(place.log, -9)
    (place.run / "episodes").rename(place.run.parent / "elsewhere")
    (place.run / "episodes").symlink_to(place.run.parent / "elsewhere")


def cut_and_change_manifest(place: Place) -> None:
    cut(place.log, -9)
    change(place.manifest)


def keep_lines_and_no_blob(place: Place) -> None:
    keep_lines(place, 5)
    unlink(place.blob)


STATES = {
    "sealed": State(lambda _: None, "log", "sealed", exits.OK, exits.OK, exits.OK),
    "killed": State(lambda p: keep_lines(p, 5), "log", "incomplete", exits.OK, exits.OK, None),
    "torn": State(
        lambda p: keep_lines(p, 5, b'{"seq":5'), "log", "torn", exits.DAMAGED, exits.OK, None, "incomplete"
    ),
    "torn first line": State(lambda p: keep_lines(p, 0, b'{"seq":0'), "log", "torn", exits.DAMAGED, exits.OK, None),
    "empty": State(lambda p: keep_lines(p, 0), "log", "torn", exits.DAMAGED, exits.OK, None),
    "changed": State(lambda p: change(p.log), "log", "damaged", exits.DAMAGED, exits.DAMAGED),
    "end changed, no manifest": State(
        change_end,
        "log", "damaged", exits.DAMAGED, exits.DAMAGED,
    ),
    "sealed, then cut in a line": State(lambda p: cut(p.log, -9), "log", "damaged", exits.DAMAGED, exits.DAMAGED),
    "sealed, then cut to nothing": State(lambda p: cut(p.log, 0), "log", "damaged", exits.DAMAGED, exits.DAMAGED),
    "sealed, then cut in a line, through a link": State(
        through_a_link, "log", "damaged", exits.DAMAGED, exits.DAMAGED
    ),
    "sealed, then cut in a line, manifest changed": State(
        cut_and_change_manifest, "log", "torn", exits.DAMAGED, exits.DAMAGED, kept="damaged"
    ),
    "newer": State(newer, "log", "incompatible", exits.INCOMPATIBLE, exits.INCOMPATIBLE, exits.INCOMPATIBLE),
    "gone": State(lambda p: unlink(p.log), "log", "missing", exits.USAGE, exits.USAGE),
    "blob changed": State(lambda p: change(p.blob), "blob", "damaged", exits.DAMAGED, exits.OK, exits.OK),
    "blob gone": State(lambda p: unlink(p.blob), "blob", "missing", exits.DAMAGED, exits.OK, exits.OK),
    "killed, blob gone": State(
        keep_lines_and_no_blob, "blob", "missing", exits.DAMAGED, exits.OK
    ),
    "manifest emptied": State(
        lambda p: cut(p.manifest, 0), "manifest", "incomplete", exits.OK, exits.OK, exits.OK
    ),
    "manifest gone": State(
        lambda p: unlink(p.manifest), "manifest", "incomplete", exits.OK, exits.OK, exits.OK
    ),
    "manifest torn": State(lambda p: cut(p.manifest, -9), "manifest", "torn", exits.OK, exits.OK, exits.OK),
    "manifest changed": State(
        lambda p: change(p.manifest), "manifest", "damaged", exits.OK, exits.OK, exits.DAMAGED
    ),
}  # fmt: skip


IN_A_RUN = ("sealed, then cut", "gone", "manifest")
ALONE = [name for name in STATES if name != "sealed" and not name.startswith(IN_A_RUN)]


def answer(*arguments: object) -> tuple[int, Any]:
    """The exit code, and what `--json` printed if anything."""
    result = CliRunner().invoke(cli, [*map(str, arguments), "--json"], standalone_mode=False)
    if isinstance(result.exception, CodingAgentError):
        return exit_code(result.exception), None
    if isinstance(result.exception, click.ClickException):
        return result.exception.exit_code, None
    if result.exception is not None:
        raise result.exception
    return result.return_value, json.loads(result.stdout)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one episode whose workspace holds a file too large for a line."""
    folder = tmp_path_factory.mktemp("advice")
    write = {"path": "large.txt", "content": "0123456789abcdef" * 5_000}
    turns = [("write_file", write), ("submit", {"status": "blocked", "summary": "no"})]
    script = folder / "script.jsonl"
    script.write_text("".join(json.dumps({"tool_calls": [{"name": n, "arguments": a}]}) + "\n" for n, a in turns))
    code, _ = answer(
        "rollout", TASK, "--policy", f"scripted:{script}", "--sandbox", "local", "--out", folder / "run", "-q"
    )
    assert code == exits.OK
    return folder / "run"


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Place:
    run = shutil.copytree(whole, tmp_path / "run")
    (log,) = run.glob("episodes/*/*.jsonl")
    return Place(run=run, log=log)


def moved_out(place: Place) -> Place:
    """The log by itself, with its blobs beside it."""
    alone = place.run.parent / "alone"
    shutil.copytree(place.run / "blobs", alone / "blobs")
    return Place(run=alone, log=Path(shutil.copy(place.log, alone / "a.jsonl")))


def wrong(path: Path) -> tuple[int, list[dict[str, Any]]]:
    code, reports = answer("verify", path)
    return code, [each for each in reports if each["kind"] != "log" or each["condition"] != "sealed"]


@pytest.mark.parametrize("name", STATES)
def test_verify_says_the_same_of_a_log_and_of_its_run(place: Place, name: str) -> None:
    state = STATES[name]
    state.make(place)
    code, found = wrong(place.run)
    assert [(each["kind"], each["condition"]) for each in found if each["kind"] == state.kind] == (
        [] if state.condition == "sealed" else [(state.kind, state.condition)]
    )
    assert wrong(place.log) == (code, found)


@pytest.mark.parametrize("name", STATES)
def test_replay_recover_and_resume_agree_with_it(place: Place, name: str) -> None:
    state = STATES[name]
    state.make(place)
    before = {path: path.read_bytes() for path in place.run.rglob("*") if path.is_file()}
    code, told = answer("replay", place.log)
    assert code == state.replay
    if told is not None and state.kind != "manifest" and code != exits.OK:
        assert told["logs"][0]["next"] in [each["next"] for each in wrong(place.log)[1]]
        assert told["logs"][0]["outcome"] == state.condition
    assert answer("recover", place.log)[0] == state.recover
    if state.resume is not None:
        assert answer("resume", place.run, "-q")[0] == state.resume
    if state.condition not in {"sealed", "torn"} and state.resume is not None:
        kept = {path: path.read_bytes() for path in before if path.exists()}
        assert {path for path in before if kept.get(path) != before[path]} <= {place.manifest}


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state.condition != "sealed"])
def test_what_is_advised_for_a_log_of_a_run_does_what_it_says(place: Place, name: str) -> None:
    STATES[name].make(place)
    follow(place, STATES[name], place.run)


@pytest.mark.parametrize("name", ALONE)
def test_what_is_advised_for_a_log_by_itself_does_what_it_says(place: Place, name: str) -> None:
    STATES[name].make(place)
    alone = moved_out(place)
    follow(alone, STATES[name], alone.log)


def follow(place: Place, state: State, verified: Path) -> None:
    """Do what is advised until nothing more is."""
    for _ in range(3):
        found = [each for each in wrong(verified)[1] if each["next"]["command"]]
        if not found:
            break
        command = found[0]["next"]["command"]
        assert shlex.join(["coding-agent", *command]) in found[0]["next"]["text"]
        assert answer(*command)[0] == (exits.OK if state.kept is None else exits.DAMAGED)
        if command[0] == "replay":
            break
    left = [(each["kind"], each["condition"]) for each in wrong(verified)[1] if each["kind"] == state.kind]
    condition = state.left(alone=verified == place.log)
    assert left == ([] if condition is None else [(state.kind, condition)])


@pytest.mark.parametrize(
    ("name", "advised"),
    [("killed", [["replay"]]), ("torn", [["recover"], ["replay"]]), ("empty", [[]]), ("killed, blob gone", [[], []])],
)
def test_what_is_advised_for_a_log_of_a_training_works_and_is_not_to_resume_it(
    place: Place, name: str, advised: list[list[str]]
) -> None:
    STATES[name].make(place)
    (place.run / "run.toml").write_text("[areno]\n")
    assert answer("resume", place.run)[0] == exits.USAGE
    done: list[list[str]] = []
    while len(done) < len(advised):
        done += (commands := [each["next"]["command"] for each in wrong(place.run)[1]])
        assert [answer(*command)[0] for command in commands if command] == [exits.OK] * sum(map(bool, commands))
    assert [command[:1] for command in done] == advised


def test_the_table_has_a_row_for_whatever_a_report_can_say() -> None:
    conditions = {"log": {*get_args(LogCondition), "empty", "lacking", "doubtful"}, "manifest": {"incomplete", "torn", "damaged", "unreadable"},
                  "blob": {"missing", "damaged", "unreadable"}, "folder": {"unreadable"}}  # fmt: skip
    rows = {(kind, name, run) for kind, names in conditions.items() for name in names for run in (True, False)}
    assert set(TABLE) == rows


def test_a_log_that_is_nowhere_known_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    assert answer("verify", tmp_path / "no.jsonl") == (exits.USAGE, None)
