"""The next call of the search: pure functions from facts to one tool call. Executes nothing and remembers nothing."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from coding_agent.events.values import JSON
from coding_agent.policies.repair import batch, reproduce
from coding_agent.policies.repair.candidates import Candidate, candidates
from coding_agent.policies.repair.edits import changed, overlay_key, patch_between
from coding_agent.policies.repair.localise import is_test, suspect_files
from coding_agent.policies.repair.state import Facts
from coding_agent.policies.repair.texts import Failure, Run

ROOT = overlay_key({})
BATCH, SCRIPT_BYTES = 80, 24_000
"""Mutants tried in one command, and how much their texts may weigh."""
ROOT_CAP, NODE_CAP = 1600, 320
"""Mutants tried of the original files, and of a state that is better than those."""
PATIENCE = 320
"""Mutants tried before a mutant that mends only a part is built upon."""
READS = 6
"""Source files that are read."""
RESERVE = 4
"""Turns kept for undoing, cleaning up and submitting."""
CHOSEN = 40
"""Failing tests that are named in one call."""


@attrs.frozen(kw_only=True)
class Call:
    """One tool call and the thought that goes with it."""

    thought: str
    tool: str
    arguments: dict[str, JSON]


@attrs.frozen(kw_only=True)
class Node:
    """A state of the files from which mutants are tried."""

    key: str
    overlay: Mapping[str, str | None]
    run: Run
    parent: str = ROOT


def decide(facts: Facts, seed: int) -> Call:
    """The next call; some call always follows."""
    for question in (_solved, _spent, _look, _test_first, _reproduce, _read_tests, _trace, _read_sources):
        if (call := question(facts)) is not None:
            return call
    return _search(facts, seed)


def _solved(facts: Facts) -> Call | None:
    mended = _mended(facts)
    if mended is None:
        return None
    if (cleanup := _cleanup(facts)) is not None:
        return cleanup
    if (facts.key, ()) not in facts.runs:
        return Call(thought="A last look at all tests as they were.", tool="run_tests", arguments={})
    if not facts.runs[facts.key, ()].clean and reproduce.path_of(facts) not in facts.original:
        return None
    summary = f"Changed {', '.join(sorted(_source_changes(facts)))}; all {mended.good} tests pass."
    return Call(thought="Every test passes now.", tool="submit", arguments={"status": "solved", "summary": summary})


def _mended(facts: Facts) -> Run | None:
    # the run in which everything passed with the source as it is now, with or without the reproduction beside it
    source = _source_changes(facts)
    path = reproduce.path_of(facts)
    for key, overlay in facts.overlays.items():
        run = facts.runs.get((key, ()))
        same = {name: text for name, text in overlay.items() if name != path} == source
        if source and run is not None and run.clean and same and (path in overlay or path not in facts.original):
            return run
    return None


def _source_changes(facts: Facts) -> dict[str, str | None]:
    return {path: text for path, text in facts.overlay.items() if path != reproduce.path_of(facts)}


def _base(facts: Facts) -> dict[str, str | None]:
    # the state that the search starts from: the files as found, and a reproduction once there is one
    path = reproduce.path_of(facts)
    return {path: facts.current[path]} if facts.current.get(path) is not None else {}


def _base_key(facts: Facts) -> str:
    return overlay_key(_base(facts))


def _spent(facts: Facts) -> Call | None:
    return _give_up(facts, "The turns are nearly used up.") if facts.turns >= facts.budget - RESERVE else None


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
    if run is not None and (run.bad or run.cut):
        return None
    path = reproduce.path_of(facts)
    if facts.current.get(path) is not None:
        if (_base_key(facts), ()) in facts.runs or facts.key != _base_key(facts):
            return None
        return Call(thought="Does the reproduction fail?", tool="run_tests", arguments={})
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
    files = dict.fromkeys(name.split("::")[0] for name in _failing(facts))
    wanted = [path for path in files if path in (facts.listing or ())][:2]
    return _unread(facts, wanted)


def _trace(facts: Facts) -> Call | None:
    failing = _failing(facts)
    if (
        facts.coverage is not None
        or not failing
        or facts.failed_calls.get("run_command", 0)
        or facts.key != _base_key(facts)
    ):
        return None
    command = batch.trace_command(failing[:CHOSEN], facts.arguments)
    thought = "I trace the tests to see which lines the failing ones run and the passing ones do not."
    return Call(thought=thought, tool="run_command", arguments={"command": command})


def _read_sources(facts: Facts) -> Call | None:
    if not _failing(facts):
        return None
    tests = {path: text for path, text in facts.current.items() if text is not None and is_test(path)}
    ranked = suspect_files(facts.listing or (), _failures(facts), facts.coverage, tests)
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


def _base_run(facts: Facts) -> Run:
    return facts.runs.get((_base_key(facts), ())) or facts.runs.get((ROOT, ())) or Run()


def _failing(facts: Facts) -> tuple[str, ...]:
    return _base_run(facts).failing


def _failures(facts: Facts) -> tuple[Failure, ...]:
    return _base_run(facts).failures


def _search(facts: Facts, seed: int) -> Call:
    if not _failing(facts):
        return _give_up(facts, "No test fails here, and the text holds no example that could be run.")
    experiment = _experiment(facts)
    if experiment is not None:
        return experiment
    for node in reversed(_nodes(facts)):
        ranked = candidates(facts, _mutable(node, facts), node.run.failures, seed)
        cap = ROOT_CAP if node.key == _base_key(facts) else NODE_CAP
        if (call := _explore(facts, node, ranked[:cap])) is not None:
            return call
    return _give_up(facts, "None of the mutations that I know makes the failing tests pass.")


def _mutable(node: Node, facts: Facts) -> dict[str, str | None]:
    tests: dict[str, str | None] = {path: None for path in facts.current if is_test(path) and path not in node.overlay}
    return {**tests, **node.overlay}


def _nodes(facts: Facts) -> list[Node]:
    base = Node(key=_base_key(facts), overlay=_base(facts), run=_base_run(facts))
    nodes = [base]
    for key, overlay in facts.overlays.items():
        run = facts.runs.get((key, ()))
        if run is None or key in {base.key, ROOT} or run.cut:
            continue
        fewer = set(run.failing) < set(nodes[-1].run.failing)
        if fewer and not any(is_test(path) and path not in base.overlay for path in overlay):
            nodes.append(Node(key=key, overlay=overlay, run=run, parent=nodes[-1].key))
    return nodes


def _experiment(facts: Facts) -> Call | None:
    # a mutant is in place that no test has spoken about yet
    if any(node.key == facts.key for node in _nodes(facts)):
        return None
    failing = _failing(facts)[:CHOSEN]
    trial = facts.trials.get(facts.key)
    chosen = facts.runs.get((facts.key, failing))
    if (facts.key, ()) in facts.runs:
        return None
    if (trial is not None and trial.fixed) or (chosen is not None and chosen.clean):
        return Call(thought="That helps. Now all tests, to be sure.", tool="run_tests", arguments={})
    if chosen is None and facts.failed_calls.get("run_tests", 0) < 3:
        return Call(
            thought="Does it help? First the tests that failed.", tool="run_tests", arguments={"tests": list(failing)}
        )
    return None


def _explore(facts: Facts, node: Node, ranked: tuple[Candidate, ...]) -> Call | None:
    open_ = [c for c in ranked if c.key not in facts.refused and not _known(facts, c.key)]
    winner = next((c for c in open_ if c.key in facts.trials and facts.trials[c.key].solves), None)
    if winner is not None:
        return _apply(facts, node, winner, "Among those mutants this one makes the failing tests pass")
    untried = [c for c in open_ if c.key not in facts.trials]
    direct = any(_known(facts, c.key) for c in ranked)
    batches_work = facts.failed_calls.get("run_command", 0) < 2
    # a test that never ends costs its whole time limit, but only a moment of processor time in a batch
    patient = node.run.cut and batches_work
    if untried and not patient and (not direct or not batches_work):
        return _apply(
            facts, node, untried[0], f"My best guess is line {untried[0].edit.line} of {untried[0].edit.path}"
        )
    better = [c for c in open_ if c.key in facts.trials and facts.trials[c.key].fixed and not facts.trials[c.key].broke]
    if untried and not (better and len(ranked) - len(untried) >= PATIENCE):
        return _restore(facts, node) or _batch(facts, node, untried)
    if better:
        best = max(better, key=lambda c: facts.trials[c.key].fixed)
        return _apply(facts, node, best, "Nothing mends everything, but this mends a part and breaks nothing")
    return None


def _known(facts: Facts, key: str) -> bool:
    return (key, ()) in facts.runs or (key, _failing(facts)[:CHOSEN]) in facts.runs


def _apply(facts: Facts, node: Node, candidate: Candidate, why: str) -> Call:
    edit = candidate.edit
    text = {**facts.original, **node.overlay}[edit.path]
    assert text is not None
    after = {**node.overlay, edit.path: changed(text, edit)}
    return _move(facts, after, f"{why} ({edit.family}): {edit.note}.")


def _restore(facts: Facts, node: Node) -> Call | None:
    return None if facts.key == node.key else _move(facts, node.overlay, "That was not it; I take it back.")


def _move(facts: Facts, overlay: Mapping[str, str | None], thought: str) -> Call:
    paths = {*facts.overlay, *overlay}
    before = {path: facts.current.get(path) for path in paths}
    after = {path: overlay[path] if path in overlay else facts.original.get(path) for path in paths}
    return Call(thought=thought, tool="apply_patch", arguments={"patch": patch_between(before, after)})


def _batch(facts: Facts, node: Node, untried: list[Candidate]) -> Call:
    chosen: list[Candidate] = []
    weight = 0
    for candidate in untried[:BATCH]:
        weight += len(candidate.edit.text.encode("utf-8", "replace")) + 60
        if weight > SCRIPT_BYTES and chosen:
            break
        chosen.append(candidate)
    failing = node.run.failing
    edits = [(c.key, c.edit) for c in chosen]
    command = batch.try_command(edits, failing[:CHOSEN], failing, facts.arguments, hangs=node.run.cut)
    places = sorted({f"{c.edit.path}:{c.edit.line}" for c in chosen[:8]})[:3]
    thought = f"I try {len(chosen)} more small mutations on a copy of the workspace, at {', '.join(places)} and so on."
    return Call(thought=thought, tool="run_command", arguments={"command": command})


def _cleanup(facts: Facts) -> Call | None:
    path = reproduce.path_of(facts)
    if facts.current.get(path) is None:
        return None
    return _move(facts, _source_changes(facts), "The reproduction has done its work; I remove it.")


def _give_up(facts: Facts, why: str) -> Call:
    if facts.overlay and not facts.failed_calls.get("apply_patch", 0) > 3:
        return _move(facts, {}, "I leave the files as I found them.")
    tried = len(facts.trials) + sum(1 for key, tests in facts.runs if key != ROOT and tests)
    suspects = ", ".join(sorted(facts.coverage.lines)[:5]) if facts.coverage else "none traced"
    failing = ", ".join(_failing(facts)[:5]) or "none"
    summary = f"{why} Mutations tried: {tried}. Suspect files: {suspects}. Failing tests: {failing}."
    return Call(thought=why, tool="submit", arguments={"status": "blocked", "summary": summary})
