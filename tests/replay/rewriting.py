"""Logs as another release would have written them: some fields changed, states and chain in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson

from coding_agent.events.line import CHAIN_SEED, chain_of
from coding_agent.replay.expected import expected_file
from coding_agent.store.reader import read_events, verify
from coding_agent.store.writer import LogWriter

TAIL = 64 + len('"}\n')


def rewrite(
    source: Path, target: Path, kind: type[Any], *, where: Callable[[Any], bool] = lambda _: True, **changes: Any
) -> Path:
    """Copy a log; events of `kind` that fit get `changes`."""
    with LogWriter.create(target) as log:
        for event in read_events(source):
            log.append(attrs.evolve(event, **changes) if isinstance(event, kind) and where(event) else event)
    return target


def forge(log: Path, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """Change the lines of a log to whatever JSON, and fit the chain to it, as no release would write it."""
    lines = [orjson.loads(raw) for raw in log.read_bytes().splitlines()]
    change(lines)
    chain, whole = CHAIN_SEED, b""
    for seq, line in enumerate(lines):
        raw = orjson.dumps({**line, "seq": seq, "chain": chain}) + b"\n"
        chain = chain_of(raw, chain)
        whole += raw[:-TAIL] + chain.encode() + b'"}\n'
    log.write_bytes(whole)
    return log


def written_then(source: Path, log: Path, kind: type[Any], **changes: Any) -> Path:
    """A golden log that another release wrote, in place of what is there, with the expectation of its time."""
    log.unlink(missing_ok=True)
    rewrite(source, log, kind, **changes)
    document = json.loads(expected_file(log).read_bytes())
    report = verify(log)
    document["log"] = {"events": report.events, "head": report.head, "semantic_digest": report.semantic_digest}
    expected_file(log).write_text(json.dumps(document))
    return log
