"""The report of a divergence, as people read it and as `--json` prints it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from coding_agent.events.schema import Done, EpisodeStarted, Notice, ToolResult
from coding_agent.events.values import Limits
from coding_agent.replay.contrast import contrast
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.effect import effect_of
from coding_agent.replay.expected import expected_file
from coding_agent.replay.report import NOT_COMPARED
from coding_agent.store.index import recover_run
from coding_agent.store.reader import read_events, read_records, verify
from coding_agent.store.rundir import RunDirectory, blobs_of
from tests.cli.test_commands import ROOT, document, run
from tests.replay.field_mutations import changed_behind
from tests.replay.rewriting import rewrite, written_then

SILENCE = ROOT / "replays" / "silence.jsonl"
EPISODE = ROOT / "replays" / "ep123.jsonl"


@pytest.fixture
def reworded(tmp_path: Path) -> Path:
    """A log whose reminders say something else: as if another release had written it."""
    return rewrite(SILENCE, tmp_path / "a.jsonl", Notice, text="Call a tool, please.")


def test_a_divergence_names_place_field_sides_function_and_next_steps(reworded: Path) -> None:
    said = run("replay", reworded).stdout
    for part in (
        "event 2 of 8 (line 3, bytes ", "RPL-FIELD", "notice.text differs", 'recorded     "Call a tool, please."',
        'replayed     "Your message had no tool call', "events 0-1 identical", "the same cause at 3, 4, 5",
        "rollout/decide.py:", "reward 0 either way", "not compared", "coding-agent fork",
    ):  # fmt: skip
        assert part in said, part


def test_json_carries_the_same_facts(reworded: Path) -> None:
    done = run("replay", reworded, "--json")
    assert done.returncode == 1
    (log,) = document(done)["logs"]
    found: dict[str, Any] = log["divergence"]
    assert (found["seq"], found["code"], found["path"]) == (2, "RPL-FIELD", "notice.text")
    assert (log["line"], log["identical"], log["effect"]["reward"]) == (3, 2, 0.0)
    assert log["derived_by"].endswith("decide")
    assert log["contrast"]["caret"] == 1
    assert log["commands"][-1] == f"coding-agent fork {reworded} --at 1"


def test_what_people_are_told_can_be_made_of_the_json_alone(reworded: Path, tmp_path: Path) -> None:
    both = rewrite(reworded, tmp_path / "b.jsonl", Done, reason="submitted")
    large = changed_behind(EPISODE, tmp_path / "c.jsonl", 3, 13, text="Lies.")
    long = rewrite(EPISODE, tmp_path / "d.jsonl", ToolResult, text="x" * 200, where=lambda e: "failed" in e.text)
    for log in (both, large, long):
        (result,) = document(run("replay", log, "--json"))["logs"]
        said = [line.rstrip() for line in run("replay", log).stdout.splitlines()]
        assert said == [line.rstrip() for line in lines_of(result)]


def lines_of(log: dict[str, Any]) -> list[str]:
    """The report of one log that diverged, from what `--json` says of it."""
    found, sides, (first, last) = log["divergence"], log["contrast"], log["bytes"]
    rows = [("what", found["message"])]
    rows += [(name, f"{sides[name]}   (by {log[name + '_by']})") for name in ("recorded", "replayed")]
    rows += [("", " " * sides["caret"] + "^"), *([("", sides["note"])] if sides["note"] else [])]
    rows += [("same", f"events 0-{log['identical'] - 1} identical (state {log['semantic_digest'][:12]})")]
    rows += [("echoes", f"the same cause at {', '.join(map(str, log['echoes']))}")] if log["echoes"] else []
    rows += [("also", f"event {each['seq']}  {each['code']}  {each['message']}") for each in log["others"]]
    rows += [("chain", log["chain"]["message"])]
    rows += [("derived by", log["derived_by"])] if log["derived_by"] else []
    rows += [("effect", log["effect"]["message"]), ("not compared", ", ".join(log["not_compared"]))]
    rows += [("" if number else "next", command) for number, command in enumerate(log["commands"])]
    place = f"event {found['seq']} of {log['events']} (line {log['line']}, bytes {first}-{last})  {found['code']}"
    return [f"{log['outcome']:<12} {log['file']}  {place}", *(f"  {name:<13}{text}" for name, text in rows)]


def test_a_secret_of_the_harness_that_a_log_holds_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct-horse-battery-staple"
    monkeypatch.setenv("STABLE_PASSWORD", secret)
    once = rewrite(EPISODE, tmp_path / "a.jsonl", ToolResult, text=f"{secret}!", where=lambda e: "failed" in e.text)
    both = rewrite(once, tmp_path / "b.jsonl", Done, summary="x" * 100 + secret)
    for options in ([], ["--json"]):
        said = run("replay", both, *options).stdout
        assert said.count("[redacted:STABLE_PASSWORD]") >= 1
        assert secret[:14] not in said


def test_of_the_chain_is_said_what_is_known_and_no_more(reworded: Path, tmp_path: Path) -> None:
    assert (
        "chain        fits the bytes: no accident changed the file. Today's code derives otherwise, or somebody "
        in (run("replay", reworded).stdout)
    )
    golden = tmp_path / "golden"
    golden.mkdir()
    shutil.copy(expected_file(SILENCE), golden)
    forged = rewrite(SILENCE, golden / SILENCE.name, Notice, text="Other.")
    assert f"fits the bytes, but {expected_file(forged)} names another head" in run("replay", forged).stdout
    written_then(SILENCE, forged, Notice, text="Other.")
    assert f"its head is the one in {expected_file(forged)}: it is as it was sealed" in run("replay", forged).stdout


def test_the_manifest_of_a_run_vouches_for_a_log_or_not(tmp_path: Path) -> None:
    run_ = RunDirectory.create(tmp_path / "run", {})
    log = run_.log_path("toy", 0, 0)
    log.parent.mkdir()
    rewrite(SILENCE, log, Notice, text="Other.")
    recover_run(run_)
    (result,) = document(run("replay", log, "--json"))["logs"]
    assert result["chain"]["recorded"] == result["chain"]["head"] == verify(log).head
    log.unlink()
    rewrite(SILENCE, log, Notice, text="Another.")
    (result,) = document(run("replay", log, "--json"))["logs"]
    assert result["chain"]["recorded"] != result["chain"]["head"]
    assert result["chain"]["recorded_in"] == str(tmp_path / "run" / "manifest.jsonl")


def test_further_causes_of_a_log_are_named_though_its_first_was_explained(tmp_path: Path) -> None:
    for number in range(2):
        rewrite(SILENCE, tmp_path / f"{number}.jsonl", Notice, text="Other.")
    both = rewrite(tmp_path / "1.jsonl", tmp_path / "2.jsonl", Done, reason="submitted")
    said = run("replay", tmp_path).stdout
    assert f"{both}  event 2: the same cause as above\n  also         event 7  RPL-FIELD  done.reason differs" in said
    assert said.count("also ") == 1


def test_many_logs_are_grouped_by_cause(tmp_path: Path) -> None:
    for number in range(4):
        rewrite(SILENCE, tmp_path / f"{number}.jsonl", Notice, text="Other.")
    rewrite(EPISODE, tmp_path / "9.jsonl", ToolResult, text="Other.", where=lambda event: "failed" in event.text)
    done = run("replay", tmp_path, "--json")
    causes = document(done)["summary"]["causes"]
    assert [len(cause["files"]) for cause in causes] == [4, 1]
    said = run("replay", tmp_path).stdout
    assert "5 episodes diverged, 2 causes:" in said
    assert said.count("notice.text differs") == 1


def test_the_same_field_derived_elsewhere_is_another_cause(tmp_path: Path) -> None:
    denied = ROOT / "replays" / "denied-calls.jsonl"
    rewrite(denied, tmp_path / "0.jsonl", ToolResult, text="No.", where=lambda event: event.outcome == "denied")
    rewrite(EPISODE, tmp_path / "1.jsonl", ToolResult, text="No.", where=lambda event: "failed" in event.text)
    causes = document(run("replay", tmp_path, "--json"))["summary"]["causes"]
    assert [cause["kind"] for cause in causes] == ["RPL-FIELD tool_result.text"] * 2
    assert [cause["derived_by"].split()[-1] for cause in causes] == ["prepare", "render_test_run"]
    assert run("replay", tmp_path).stdout.count("RPL-FIELD\n") == 2, "each is explained"


def test_where_this_release_goes_another_way_no_reward_is_claimed(tmp_path: Path) -> None:
    other = rewrite(SILENCE, tmp_path / "a.jsonl", EpisodeStarted, limits=Limits(no_call_turns=2))
    assert (
        "effect       reward 0, not reached by this release; tokens and mask of 2 of 3 turns"
        in run("replay", other).stdout
    )
    (log,) = document(run("replay", other, "--json"))["logs"]
    assert (log["effect"]["reward"], log["effect"]["replayed"], log["effect"]["reached"]) == (0.0, None, False)


def test_of_a_log_that_was_changed_behind_its_back_no_former_reward_is_claimed(tmp_path: Path) -> None:
    grade = next(record for record in read_records(EPISODE) if record.data.get("purpose") == "grade")
    failed = {**grade.data["outcomes"], next(iter(grade.data["outcomes"])): "failed"}
    log = changed_behind(EPISODE, tmp_path / "a.jsonl", grade.seq, outcomes=failed)
    said = run("replay", log).stdout
    assert "effect       reward 0 as the file stands; what it was is not known; tokens and mask" in said
    assert "either way" not in said
    (result,) = document(run("replay", log, "--json"))["logs"]
    assert (result["effect"]["reward"], result["effect"]["replayed"], result["effect"]["known"]) == (0.0, None, False)


def test_no_former_reward_is_claimed_where_anything_was_changed_behind_the_logs_back() -> None:
    derived = Divergence(seq=3, code="RPL-FIELD", event="x", path="x.text", recorded="a", replayed="b")
    given = attrs.evolve(derived, seq=5, code="RPL-GIVEN")
    events, read_blob = read_events(EPISODE), blobs_of(EPISODE).get
    one, both = effect_of([derived], None, events, read_blob), effect_of([derived, given], None, events, read_blob)
    assert one is not None
    assert both is not None
    assert (one.known, both.known, both.replayed) == (True, False, None)


def test_what_was_changed_behind_the_back_of_two_logs_is_no_common_cause(tmp_path: Path) -> None:
    for number in range(2):
        changed_behind(EPISODE, tmp_path / f"{number}.jsonl", 3, 13, text="Lies.")
    said = run("replay", tmp_path).stdout
    assert "the same cause as above" not in said
    assert said.count("event 13  RPL-GIVEN") == 2
    assert "2 episodes diverged, 2 causes:" in said


def test_what_is_not_compared_is_what_the_schema_marks_as_observed() -> None:
    assert set(NOT_COMPARED) >= {"at", "synced", "chain", "latency_s", "retries", "sandbox", "harness", "resumed"}
    assert not set(NOT_COMPARED) & {"seq", "type", "state", "messages", "text", "call", "at_seq", "reason"}


def test_a_run_directory_and_a_folder_are_replayed_whole() -> None:
    assert len(document(run("replay", ROOT / "replays", "--json"))["logs"]) >= 10


def test_of_a_folder_whose_logs_are_further_down_is_told_where_they_are(tmp_path: Path) -> None:
    for place in ("runs/first/episodes/toy", "runs/first/episodes/other", "a", "b/c", "d"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(SILENCE, tmp_path / place)
    done = run("replay", tmp_path)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    where = f"1 log in {tmp_path}/a, 1 in {tmp_path}/b/c, 1 in {tmp_path}/d and in 1 more folder;"
    assert f"{tmp_path}: there is no log in it, but {where} give a run directory or" in told
    assert "but 2 logs in" in " ".join(run("replay", tmp_path / "runs").stderr.split())


def test_the_worst_outcome_decides_the_exit(reworded: Path, tmp_path: Path) -> None:
    (tmp_path / "z.jsonl").write_bytes(EPISODE.read_bytes().replace(b"interval", b"Interval", 1))
    done = run("replay", reworded, tmp_path / "z.jsonl", "--json")
    assert done.returncode == 3
    assert document(done)["summary"]["outcomes"] == {"diverged": 1, "damaged": 1}


def test_small_values_are_shown_whole() -> None:
    shown = contrast("src/parse.py", "src/parser.py")
    assert (shown.recorded, shown.caret, shown.note) == ('"src/parse.py"', 10, "")


def test_large_values_are_shown_where_they_differ_with_length_and_hash() -> None:
    text = "".join(f"line {number}\n" for number in range(200))
    shown = contrast(text, text.replace("line 120", "line 12O"))
    assert len(shown.recorded) < 200
    assert shown.recorded[shown.caret] == "0"
    assert shown.replayed[shown.caret] == "O"
    assert shown.note.startswith(f"at line 121, character {text.index('line 120') + 7}; ")


def test_the_place_of_a_difference_is_that_in_the_text_and_not_in_its_json() -> None:
    text = 'import re\nprint("a\\nb\\nc\\nd")\n' + "x = 1\n" * 40 + "y = 2\n"
    assert contrast(text, text.replace("2", "3")).note.startswith("at line 43, character 274; ")
    assert contrast([text], [text.replace("2", "3")]).note.startswith("at character 323 of the JSON; ")


@pytest.mark.parametrize(
    ("one", "other"), [("a" * 500, "a" * 501), ("", "x" * 900), (["a"] * 90, {"b": 1}), (None, "x")]
)
def test_any_two_values_can_be_shown(one: Any, other: Any) -> None:
    shown = contrast(one, other)
    assert 0 <= shown.caret <= len(shown.recorded)
    assert shown.recorded != shown.replayed
