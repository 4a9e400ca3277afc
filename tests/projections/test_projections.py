from __future__ import annotations

import math
import struct
import subprocess
import zlib
from pathlib import Path
from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.schema import Done, Event, Stopped, ToolResult
from coding_agent.events.values import Changes, FileChange, FileContent
from coding_agent.projections.metrics import episode_metrics, run_metrics
from coding_agent.projections.patch import _stored, patch
from coding_agent.projections.reward import LARGEST, grained, reward
from coding_agent.projections.trajectory import trajectory
from coding_agent.projections.transcript import transcript
from tests.samples import GRADE, START, WRITE, no_blob, toy_episode, turn


def ended(reason: str, *before: Event) -> list[Event]:
    done = toy_episode()[-1]
    assert isinstance(done, Done)
    done = attrs.evolve(done, reason=reason)  # type: ignore[arg-type]
    return [START, *before, done]


def changed(*files: FileChange) -> list[Event]:
    result = ToolResult(call="1.0", outcome="ok", text="", changes=Changes(files=files, tree="t"))
    return [START, turn(1, WRITE), toy_episode()[2], result]


def test_a_solved_episode_is_worth_one() -> None:
    worth = reward(toy_episode(), no_blob)
    assert (worth.value, worth.parts["tests_passed"], worth.parts["lines_added"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "outcomes", [{}, {"tests/test_a.py::test_x": "failed"}, {"tests/test_a.py::test_x": "skipped"}, {"other": "passed"}]
)
def test_an_expected_test_that_did_not_pass_is_worth_nothing(outcomes: dict[str, str]) -> None:
    grade = attrs.evolve(GRADE, outcomes=outcomes)  # type: ignore[arg-type]
    assert reward(ended("submitted", grade), no_blob).value == 0.0


@pytest.mark.parametrize("status", [None, 2, -9, 3])
def test_a_run_that_did_not_come_to_its_own_end_is_worth_nothing(status: int | None) -> None:
    assert reward(ended("submitted", attrs.evolve(GRADE, exit_status=status)), no_blob).value == 0.0


@pytest.mark.parametrize("reason", ["infra_error", "policy_error", "cancelled"])
def test_a_failure_of_the_infrastructure_is_masked_not_scored(reason: str) -> None:
    assert reward(ended(reason), no_blob).value is None


def test_an_unfinished_episode_is_masked() -> None:
    assert reward(toy_episode()[:4], no_blob).value is None


@pytest.mark.parametrize("weight", [1e9, -1e308, 1.7e308, math.nan])
def test_a_total_that_32_bits_can_not_work_with_is_masked_and_says_so(weight: float) -> None:
    worth = reward(toy_episode(), no_blob, {"lines_added": weight, "lines_removed": weight})
    assert worth.value is None
    assert worth.explanation.endswith("expected at most 1e+06 either way; lower the weights")


def in_32_bits(value: float) -> float:
    (held,) = struct.unpack("<f", struct.pack("<f", value))
    return float(held)


@given(value=st.floats(-LARGEST, LARGEST), samples=st.integers(1, 256), order=st.randoms(use_true_random=False))
def test_the_mean_of_equal_rewards_is_exact_in_32_bits_in_whatever_order(
    value: float, samples: int, order: Random
) -> None:
    given_out = grained(value)
    sums = [given_out] * samples
    while len(sums) > 1:
        one, other = sums.pop(order.randrange(len(sums))), sums.pop(order.randrange(len(sums)))
        sums.append(in_32_bits(one + other))
    assert in_32_bits(sums[0] / samples) == given_out
    assert abs(given_out - value) <= max(1 / 2048, abs(value) / 2**14)


def test_weights_are_explicit_and_totals_are_dyadic() -> None:
    worth = reward(toy_episode(), no_blob, {"lines_added": -0.001})
    assert worth.value == round(0.999 * 1024) / 1024
    with pytest.raises(KeyError):
        reward(toy_episode(), no_blob, {"beauty": 1.0})


def test_a_trajectory_marks_what_the_policy_said() -> None:
    found = trajectory(toy_episode())
    assert [message.role for message in found.messages] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert found.loss_mask == (False, False, True, False, True, False)
    assert [(span.turn, span.reply, span.end) for span in found.spans] == [(1, 2, 4), (2, 4, 6)]
    assert found.reason == "submitted"


def test_metrics_count_what_happened() -> None:
    found = episode_metrics(toy_episode())
    assert (found.turns, found.tools, found.passed) == (2, {"submit": 1, "write_file": 1}, True)
    total = run_metrics([found, episode_metrics(ended("infra_error"))])
    assert (total.episodes, total.graded, total.pass_rate) == (2, 1, 1.0)


def test_metrics_of_nothing_are_not_an_error() -> None:
    assert run_metrics([]).pass_rate is None


def test_a_transcript_tells_turns_calls_results_and_the_outcome() -> None:
    blocks = transcript(toy_episode())
    assert [block.kind for block in blocks if block.turn == 1] == ["thought", "call", "result"]
    assert [block.kind for block in blocks[-2:]] == ["grade", "done"]


def test_a_long_text_is_shortened_unless_all_is_wanted() -> None:
    events = [*toy_episode()[:3], ToolResult(call="1.0", outcome="ok", text="\n".join(map(str, range(50))))]
    assert "… 38 more lines" in transcript(events)[-1].body
    assert "… " not in transcript(events, full=True)[-1].body


def test_a_stop_is_told_with_its_stage() -> None:
    blocks = transcript([START, Stopped(cause="infra_error", stage="tool", detail="gone")])
    assert (blocks[-1].title, blocks[-1].body) == ("stopped in tool: infra_error", "gone")


def test_changes_that_cancel_out_leave_no_patch() -> None:
    there = FileChange(path="a", kind="modify", text="2", before=FileContent(text="1"))
    back = FileChange(path="a", kind="modify", text="1")
    assert patch(changed(there, back), no_blob) == ""


def test_the_patch_of_an_earlier_turn_leaves_out_what_came_later() -> None:
    assert patch(toy_episode(), no_blob, until_turn=0) == ""
    assert patch(toy_episode(), no_blob, until_turn=1) == patch(toy_episode(), no_blob)


contents = st.binary(max_size=60) | st.text("ab\n\r\f", max_size=30).map(str.encode)


def as_content(data: bytes) -> FileContent:
    from base64 import b64encode

    try:
        return FileContent(text=data.decode())
    except UnicodeDecodeError:
        return FileContent(base64=b64encode(data).decode())


@given(old=contents | st.none(), new=contents | st.none())
def test_git_applies_every_patch_that_is_projected(
    tmp_path_factory: pytest.TempPathFactory, old: bytes | None, new: bytes | None
) -> None:
    before = None if old is None else as_content(old)
    after = FileContent() if new is None else as_content(new)
    kind = "delete" if new is None else "add" if old is None else "modify"
    change = FileChange(path="f", kind=kind, text=after.text, base64=after.base64, before=before)  # type: ignore[arg-type]
    diff = patch(changed(change), no_blob)
    if not diff:
        return
    folder = tmp_path_factory.mktemp("git")
    if old is not None:
        (folder / "f").write_bytes(old)
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=folder, check=True)
    assert (_read(folder / "f")) == new


@pytest.mark.parametrize("size", [0, 1, 0xFFFF, 0x10000, 200_000])
def test_the_bytes_of_a_binary_patch_depend_on_no_library(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert zlib.decompress(_stored(data[:size])) == data[:size]
    assert len(_stored(data[:size])) == 2 + 5 * max(1, -(-size // 0xFFFF)) + size + 4


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
