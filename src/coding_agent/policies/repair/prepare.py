"""Before the search: look, run the tests, reproduce, trace, read. Each step is a question that may have no call."""

from __future__ import annotations

from coding_agent.events.values import JSON
from coding_agent.policies.repair import batch, reproduce
from coding_agent.policies.repair.calls import (
    CHOSEN,
    ROOT,
    Call,
    base_key,
    base_run,
    failing,
    full_run,
    pytest_arguments,
    test_everything,
)
from coding_agent.policies.repair.localise import is_test, suspect_files
from coding_agent.policies.repair.state import Facts

READS = 6
"""Source files that are read."""


def prepare(facts: Facts) -> Call | None:
    """The next thing to find out; None when everything is known that can be."""
    for question in (_look, _test_first, _reproduce, _read_tests, _trace, _read_sources):
        if (call := question(facts)) is not None:
            return call
    return None


def _look(facts: Facts) -> Call | None:
    if facts.listing is not None:
        return None
    return Call(thought="First, what is here?", tool="list_files", arguments={"depth": 8, "max_entries": 400})


def _test_first(facts: Facts) -> Call | None:
    if (ROOT, ()) in facts.runs or facts.failed_calls.get("run_tests", 0) > 1:
        return None
    if facts.overlay:
        return None
    return Call(thought="Let me see which tests fail.", tool="run_tests", arguments={})


def _reproduce(facts: Facts) -> Call | None:
    run = facts.runs.get((ROOT, ()))
    if run is not None and (run.failing):
        return None
    path = reproduce.path_of(facts)
    if facts.current.get(path) is not None:
        if full_run(facts, base_key(facts)) is not None or facts.key != base_key(facts):
            return None
        return test_everything(facts, "Does the reproduction fail?")
    if facts.overlay or path in facts.original:
        return None
    if (unread := _unread(facts, list(suspect_files(facts.listing or (), (), None, {})))) is not None:
        return unread
    content = reproduce.test_file(facts)
    if content is None:
        return None
    thought = "No visible test fails, so I turn the examples in the text into a test of their own."
    return Call(thought=thought, tool="write_file", arguments={"path": path, "content": content})


def _read_tests(facts: Facts) -> Call | None:
    files = dict.fromkeys(name.split("::")[0] for name in failing(facts))
    wanted = [path for path in files if path in (facts.listing or ())][:2]
    return _unread(facts, wanted)


def _trace(facts: Facts) -> Call | None:
    wanted = failing(facts)
    if (
        facts.coverage is not None
        or not wanted
        or facts.failed_calls.get("run_command", 0)
        or facts.key != base_key(facts)
    ):
        return None
    command = batch.trace_command(wanted[:CHOSEN], pytest_arguments(facts))
    thought = "I trace the tests to see which lines the failing ones run and the passing ones do not."
    return Call(thought=thought, tool="run_command", arguments={"command": command})


def _read_sources(facts: Facts) -> Call | None:
    if not failing(facts):
        return None
    tests = {path: text for path, text in facts.current.items() if text is not None and is_test(path)}
    ranked = suspect_files(facts.listing or (), base_run(facts).failures, facts.coverage, tests)
    if facts.coverage is not None and any(path in facts.coverage.lines for path in ranked):
        ranked = [path for path in ranked if path in facts.coverage.lines]
    return _unread(facts, ranked)


def _unread(facts: Facts, paths: list[str]) -> Call | None:
    for path in paths[:READS]:
        if path in facts.current or path in facts.unread:
            continue
        start = facts.partial.get(path, "").count("\n") + 1
        arguments: dict[str, JSON] = {"path": path} if start == 1 else {"path": path, "start": start}
        return Call(thought=f"I read {path}.", tool="read_file", arguments=arguments)
    return None
