"""How the search ends: solved, out of turns, or given up. The files are left mended or as they were found."""

from __future__ import annotations

from coding_agent.policies.repair import reproduce
from coding_agent.policies.repair.calls import (
    ROOT,
    Call,
    all_tests,
    failing,
    full_run,
    move,
    source_changes,
    test_everything,
)
from coding_agent.policies.repair.state import Facts
from coding_agent.policies.repair.texts import Run

RESERVE = 4
"""Turns kept for undoing, cleaning up and submitting."""


def solved(facts: Facts) -> Call | None:
    """Tidies up and submits once every test has passed."""
    mended = _mended(facts)
    if mended is None:
        return None
    if (tidy := _cleanup(facts)) is not None:
        return tidy
    last = full_run(facts, facts.key)
    if last is None and not all_tests(facts):
        return test_everything(facts, "A last look at all tests as they were.")
    if last is not None and not last.clean:
        return None
    summary = f"Changed {', '.join(sorted(source_changes(facts)))}; all {mended.good} tests pass."
    return Call(thought="Every test passes now.", tool="submit", arguments={"status": "solved", "summary": summary})


def _mended(facts: Facts) -> Run | None:
    # the run in which everything passed with the source as it is now, with or without the reproduction beside it
    source = source_changes(facts)
    path = reproduce.path_of(facts)
    for key, overlay in facts.overlays.items():
        run = full_run(facts, key)
        same = {name: text for name, text in overlay.items() if name != path} == source
        if source and run is not None and run.clean and same and (path in overlay or path not in facts.original):
            return run
    return None


def spent(facts: Facts) -> Call | None:
    """Gives up while there are turns left to do it in order."""
    return give_up(facts, "The turns are nearly used up.") if facts.turns >= facts.budget - RESERVE else None


def _cleanup(facts: Facts) -> Call | None:
    path = reproduce.path_of(facts)
    if facts.current.get(path) is None:
        return None
    return move(facts, source_changes(facts), "The reproduction has done its work; I remove it.")


def give_up(facts: Facts, why: str) -> Call:
    """Puts everything back and submits `blocked`, saying what was tried."""
    if facts.overlay and not facts.failed_calls.get("apply_patch", 0) > 3:
        return move(facts, {}, "I leave the files as I found them.")
    tried = len(facts.trials) + sum(1 for key, tests in facts.runs if key != ROOT and tests)
    suspects = ", ".join(sorted(facts.coverage.lines)[:5]) if facts.coverage else "none traced"
    named = ", ".join(failing(facts)[:5]) or "none"
    summary = f"{why} Mutations tried: {tried}. Suspect files: {suspects}. Failing tests: {named}."
    return Call(thought=why, tool="submit", arguments={"status": "blocked", "summary": summary})
