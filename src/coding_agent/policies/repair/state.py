"""Where the search stands: the conversation folded into facts. Decides nothing; any history is legal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import attrs

from coding_agent.events.values import JSON, Message, ModelToolCall
from coding_agent.policies.repair import batch, texts
from coding_agent.policies.repair.edits import overlay_key, patched, paths_of


@attrs.frozen(kw_only=True)
class Facts:
    """Everything that the conversation tells."""

    statement: str = ""
    budget: int = 40
    arguments: tuple[str, ...] = ()
    """Of the task's pytest command."""
    turns: int = 0
    listing: tuple[str, ...] | None = None
    original: Mapping[str, str | None] = attrs.field(factory=dict)
    """Each file as it was first known; None for one that was not there."""
    current: Mapping[str, str | None] = attrs.field(factory=dict)
    partial: Mapping[str, str] = attrs.field(factory=dict)
    """The beginning of files that were too long for one answer."""
    unread: frozenset[str] = frozenset()
    """Files that could not be read."""
    runs: Mapping[tuple[str, tuple[str, ...]], texts.Run] = attrs.field(factory=dict)
    """What was learnt of a state of the files from running all tests, or some."""
    overlays: Mapping[str, Mapping[str, str | None]] = attrs.field(factory=lambda: {overlay_key({}): {}})
    """The states of the files that tests were run on, in order of appearance."""
    trials: Mapping[str, batch.Trial] = attrs.field(factory=dict)
    """What trying a state in a batch gave."""
    coverage: batch.Coverage | None = None
    failed_calls: Mapping[str, int] = attrs.field(factory=dict)
    """How often each tool's answer was of no use."""
    refused: frozenset[str] = frozenset()
    """States that a refused patch would have led to."""
    batches: int = 0

    @property
    def overlay(self) -> dict[str, str | None]:
        """The files that differ from how they were first known."""
        return {path: text for path, text in self.current.items() if self.original.get(path) != text}

    @property
    def key(self) -> str:
        """The name of the current state of the files."""
        return overlay_key(self.overlay)


def fold(messages: Iterable[Message]) -> Facts:
    """The facts that a conversation holds."""
    facts = Facts()
    waiting: dict[str, ModelToolCall] = {}
    opened = False
    for message in messages:
        if message.role == "user" and not opened:
            facts, opened = _opened(facts, message.content or ""), True
        elif message.role == "assistant":
            facts = attrs.evolve(facts, turns=facts.turns + 1)
            waiting = {call.id: call for call in message.calls[:1]}
        elif message.role == "tool":
            call = waiting.pop(message.call_id or "", None)
            if call is not None:
                facts = _learnt(facts, call.name, _arguments(call), message.content or "")
    return facts


def _opened(facts: Facts, text: str) -> Facts:
    budget, arguments = texts.turn_budget(text), texts.test_command(text)
    return attrs.evolve(facts, statement=text, budget=budget, arguments=arguments)


def _arguments(call: ModelToolCall) -> Mapping[str, JSON]:
    if call.arguments is not None:
        return call.arguments
    try:
        parsed = json.loads(call.raw)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _learnt(facts: Facts, tool: str, arguments: Mapping[str, JSON], text: str) -> Facts:
    named = {name: value for name, value in arguments.items() if isinstance(value, str)}
    match tool:
        case "list_files":
            return attrs.evolve(facts, listing=texts.listed_files(text))
        case "read_file":
            return _read(facts, named.get("path", ""), text)
        case "run_tests":
            return _tested(facts, arguments.get("tests"), text)
        case "apply_patch":
            return _patched(facts, named.get("patch", ""), text)
        case "write_file" if text.startswith(("Created", "Overwrote")):
            return _written(facts, {named.get("path", ""): named.get("content", "")})
        case "replace_text" if text.startswith("Replaced"):
            path, old = named.get("path", ""), named.get("old", "")
            before = facts.current.get(path)
            return _written(facts, {path: before.replace(old, named.get("new", "")) if before and old else None})
        case "run_command":
            return _commanded(facts, text)
        case _:
            return facts


def _useless(facts: Facts, tool: str) -> Facts:
    count = facts.failed_calls.get(tool, 0) + 1
    return attrs.evolve(facts, failed_calls={**facts.failed_calls, tool: count})


def _read(facts: Facts, path: str, text: str) -> Facts:
    chunk = texts.file_chunk(text, path)
    so_far = facts.partial.get(path, "")
    if chunk is None or (chunk.start > 1 and so_far.count("\n") != chunk.start - 1):
        return attrs.evolve(_useless(facts, "read_file"), unread=facts.unread | {path})
    whole = so_far + chunk.text if chunk.start > 1 else chunk.text
    if chunk.end < chunk.of:
        return attrs.evolve(facts, partial={**facts.partial, path: whole})
    original = facts.original if path in facts.original else {**facts.original, path: whole}
    return attrs.evolve(facts, original=original, current={**facts.current, path: whole})


def _tested(facts: Facts, tests: JSON, text: str) -> Facts:
    run = texts.test_run(text)
    chosen = tests if isinstance(tests, list) else []
    if run is None:
        return _useless(facts, "run_tests")
    runs = {**facts.runs, (facts.key, tuple(str(test) for test in chosen)): run}
    return attrs.evolve(facts, runs=runs, overlays={**facts.overlays, facts.key: facts.overlay})


def _patched(facts: Facts, patch: str, text: str) -> Facts:
    known = {path: content for path, content in facts.current.items() if content is not None}
    try:
        after, named = patched(known, patch), paths_of(patch)
    except ValueError:
        return _useless(facts, "apply_patch")
    if not text.startswith("Applied."):
        wanted = {p: t for p, t in {**facts.current, **after}.items() if facts.original.get(p) != t}
        return attrs.evolve(_useless(facts, "apply_patch"), refused=facts.refused | {overlay_key(wanted)})
    return _written(facts, {path: after.get(path) for path in named if path in after or path in known}, after)


def _written(facts: Facts, files: Mapping[str, str | None], sure: Mapping[str, str | None] | None = None) -> Facts:
    current, original = dict(facts.current), dict(facts.original)
    for path, text in files.items():
        if text is None and (sure is None or path not in sure):
            # changed in a way that can not be followed: as good as never read
            current.pop(path, None)
            original.pop(path, None)
        else:
            current[path] = text
            original.setdefault(path, None)
    return attrs.evolve(facts, current=current, original=original)


def _commanded(facts: Facts, text: str) -> Facts:
    trials, coverage = batch.trials(text), batch.coverage(text)
    if trials is not None and not trials.keys() <= facts.trials.keys():
        return attrs.evolve(facts, trials={**facts.trials, **trials}, batches=facts.batches + 1)
    if coverage is not None:
        return attrs.evolve(facts, coverage=coverage)
    return _useless(facts, "run_command")
