"""One episode of the repairer, on both event loops and with a policy made anew for every turn."""

from __future__ import annotations

import functools

import anyio
import pytest

from coding_agent.events.schema import TestRun, ToolResult
from tests.policies.repair.driver import Fresh, Told, repair
from tests.policies.repair.planted import BROKEN

pytestmark = pytest.mark.xdist_group("repair")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def mended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The episode of the flipped comparison."""
    told: Told = anyio.run(functools.partial(repair, tmp_path_factory.mktemp("mended"), BROKEN), backend=request.param)
    return told


def test_a_flipped_comparison_is_found_and_mended(mended: Told) -> None:
    assert (mended.reason, mended.passed) == ("submitted", True)


def test_an_episode_shows_a_failing_run_an_edit_and_a_passing_run(mended: Told) -> None:
    runs = [event for event in mended.events if isinstance(event, TestRun) and event.purpose == "agent"]
    assert "failed" in runs[0].outcomes.values()
    assert set(runs[-1].outcomes.values()) == {"passed"}
    assert "apply_patch" in mended.tools


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same episode, by a policy that is made anew for every turn."""
    told: Told = anyio.run(functools.partial(repair, tmp_path_factory.mktemp("anew"), BROKEN, policy=Fresh()))
    return told


def test_a_policy_made_anew_for_every_turn_gives_the_same_episode(mended: Told, anew: Told) -> None:
    assert mended.digest == anew.digest


def test_tests_are_never_edited(mended: Told) -> None:
    changes = [event.changes for event in mended.events if isinstance(event, ToolResult) and event.changes]
    assert {file.path for change in changes for file in change.files} == {"shapes/clamp.py"}
