"""What the steps of the search share: a call, where the search started, and how to get from one state to another."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from coding_agent.events.values import JSON
from coding_agent.policies.repair import reproduce
from coding_agent.policies.repair.edits import overlay_key, patch_between
from coding_agent.policies.repair.state import Facts
from coding_agent.policies.repair.texts import Run

ROOT = overlay_key({})
"""The files as they were found."""
CHOSEN = 40
"""Failing tests that are named in one call."""


@attrs.frozen(kw_only=True)
class Call:
    """One tool call and the thought that goes with it."""

    thought: str
    tool: str
    arguments: dict[str, JSON]


def all_tests(facts: Facts) -> tuple[str, ...]:
    """What to ask `run_tests` for: everything, or the reproduction where there is nothing else to run."""
    first = facts.runs.get((ROOT, ()))
    return () if first is None or first.good or first.failing else (reproduce.path_of(facts),)


def full_run(facts: Facts, key: str) -> Run | None:
    """What all tests said of a state of the files."""
    return facts.runs.get((key, all_tests(facts)))


def test_everything(facts: Facts, thought: str) -> Call:
    """The call that runs all tests."""
    chosen = all_tests(facts)
    return Call(thought=thought, tool="run_tests", arguments={"tests": list(chosen)} if chosen else {})


def pytest_arguments(facts: Facts) -> tuple[str, ...]:
    """Of a run of all tests outside `run_tests`."""
    chosen = all_tests(facts)
    return (*(word for word in facts.arguments if word.startswith("-")), *chosen) if chosen else facts.arguments


def base(facts: Facts) -> dict[str, str | None]:
    """The state that the search starts from: the files as found, and a reproduction once there is one."""
    path = reproduce.path_of(facts)
    if facts.current.get(path) is not None:
        return {path: facts.current[path]}
    return next((dict(overlay) for overlay in facts.overlays.values() if set(overlay) == {path}), {})


def base_key(facts: Facts) -> str:
    """The name of that state."""
    return overlay_key(base(facts))


def base_run(facts: Facts) -> Run:
    """What all tests said of that state."""
    return full_run(facts, base_key(facts)) or facts.runs.get((ROOT, ())) or Run()


def failing(facts: Facts) -> tuple[str, ...]:
    """The tests that are to be mended."""
    return base_run(facts).failing


def source_changes(facts: Facts) -> dict[str, str | None]:
    """The changes that are to last."""
    return {path: text for path, text in facts.overlay.items() if path != reproduce.path_of(facts)}


def move(facts: Facts, overlay: Mapping[str, str | None], thought: str) -> Call:
    """One patch from the current state of the files to another."""
    paths = {*facts.overlay, *overlay}
    before = {path: facts.current.get(path) for path in paths}
    after = {path: overlay[path] if path in overlay else facts.original.get(path) for path in paths}
    return Call(thought=thought, tool="apply_patch", arguments={"patch": patch_between(before, after)})
