"""The search itself: which mutant next, from which state of the files, tried alone or with many in one command."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from coding_agent.policies.repair import batch
from coding_agent.policies.repair.calls import (
    CHOSEN,
    ROOT,
    Call,
    base,
    base_key,
    base_run,
    failing,
    full_run,
    move,
    pytest_arguments,
    test_everything,
)
from coding_agent.policies.repair.candidates import Candidate, candidates
from coding_agent.policies.repair.edits import changed
from coding_agent.policies.repair.finish import give_up
from coding_agent.policies.repair.localise import is_test
from coding_agent.policies.repair.state import Facts
from coding_agent.policies.repair.texts import Run

BATCH, SCRIPT_BYTES = 80, 24_000
"""Mutants tried in one command, and how much their texts may weigh."""
ROOT_CAP, NODE_CAP = 1600, 320
"""Mutants tried of the original files, and of a state that is better than those."""
PATIENCE = 320
"""Mutants tried before a mutant that mends only a part is built upon."""


@attrs.frozen(kw_only=True)
class Node:
    """A state of the files from which mutants are tried."""

    key: str
    overlay: Mapping[str, str | None]
    run: Run
    parent: str = ROOT


def search(facts: Facts, seed: int) -> Call:
    """The next experiment, or the end of the search."""
    if not failing(facts):
        return give_up(facts, "Nothing fails here: no visible test, and no example in the text that could be run.")
    experiment = _experiment(facts)
    if experiment is not None:
        return experiment
    for node in reversed(_nodes(facts)):
        cap = ROOT_CAP if node.key == base_key(facts) else NODE_CAP
        # never more than one batch ahead of what was tried: ranking is cheap, finding out what parses is not
        most = min(cap, (len(facts.trials) // BATCH + 2) * BATCH)
        ranked = candidates(facts, node.overlay, node.run.failures, seed=seed, most=most)
        if (call := _explore(facts, node, ranked)) is not None:
            return call
    return give_up(facts, "None of the mutations that I know makes the failing tests pass.")


def _nodes(facts: Facts) -> list[Node]:
    start = Node(key=base_key(facts), overlay=base(facts), run=base_run(facts))
    nodes = [start]
    for key, overlay in facts.overlays.items():
        run = full_run(facts, key)
        if run is None or key in {start.key, ROOT} or run.cut:
            continue
        fewer = set(run.failing) < set(nodes[-1].run.failing)
        if fewer and not any(is_test(path) and path not in start.overlay for path in overlay):
            nodes.append(Node(key=key, overlay=overlay, run=run, parent=nodes[-1].key))
    return nodes


def _experiment(facts: Facts) -> Call | None:
    # a mutant is in place that no test has spoken about yet
    if any(node.key == facts.key for node in _nodes(facts)):
        return None
    wanted = failing(facts)[:CHOSEN]
    trial = facts.trials.get(facts.key)
    chosen = facts.runs.get((facts.key, wanted))
    if full_run(facts, facts.key) is not None:
        return None
    if (trial is not None and trial.fixed) or (chosen is not None and chosen.clean):
        return test_everything(facts, "That helps. Now all tests, to be sure.")
    if chosen is None and facts.failed_calls.get("run_tests", 0) < 3:
        return Call(
            thought="Does it help? First the tests that failed.", tool="run_tests", arguments={"tests": list(wanted)}
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
    return full_run(facts, key) is not None or (key, failing(facts)[:CHOSEN]) in facts.runs


def _apply(facts: Facts, node: Node, candidate: Candidate, why: str) -> Call:
    edit = candidate.edit
    text = {**facts.original, **node.overlay}[edit.path]
    assert text is not None
    after = {**node.overlay, edit.path: changed(text, edit)}
    return move(facts, after, f"{why} ({edit.family}): {edit.note}.")


def _restore(facts: Facts, node: Node) -> Call | None:
    return None if facts.key == node.key else move(facts, node.overlay, "That was not it; I take it back.")


def _batch(facts: Facts, node: Node, untried: list[Candidate]) -> Call:
    chosen: list[Candidate] = []
    weight = 0
    for candidate in untried[:BATCH]:
        weight += len(candidate.edit.text.encode("utf-8", "replace")) + 60
        if weight > SCRIPT_BYTES and chosen:
            break
        chosen.append(candidate)
    wanted = node.run.failing
    edits = [(c.key, c.edit) for c in chosen]
    command = batch.try_command(edits, wanted[:CHOSEN], wanted, pytest_arguments(facts), hangs=node.run.cut)
    places = sorted({f"{c.edit.path}:{c.edit.line}" for c in chosen[:8]})[:3]
    thought = f"I try {len(chosen)} more small mutations on a copy of the workspace, at {', '.join(places)} and so on."
    return Call(thought=thought, tool="run_command", arguments={"command": command})
