"""Says what sealed replay, projections and the parsing of arguments make of each log, one line each.

python -m tests.replay.answers_program BACKEND CONCURRENCY LOG …

Run under any Python and event loop, with any number of logs at once, in this order or another: the lines must be the
same. Each log comes three times, so that the same one is at work in several threads.
"""

from __future__ import annotations

import functools
import hashlib
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import attrs
import orjson

from coding_agent.replay.contrast import contrast
from coding_agent.replay.golden import projections
from coding_agent.replay.sealed import replay
from coding_agent.store.reader import read_events, read_records
from coding_agent.store.rundir import blobs_of
from coding_agent.tools.parsing import parse_arguments
from tests.replay.rederiving import rederived

COPIES = 3
MALFORMED = 2000
_PARTS = (
    '{"path": "a", ',
    '"n": [1, 2.5, -0, 1e5]',
    "}",
    "]",
    ",",
    '"',
    "\\",
    "nul",
    "\u00e9",
    "\U0001fae8",
    ": ",
    "\n",
    "{",
)
_SEEDS = (
    '{"a": [1, 2, ], }',
    '{"a" 1}',
    '{"a": nan}',
    '{"\U0001fae8": 1, "\U0001fae8": 2}',
    '{"a": "\\x"}',
    '{"a": 01}',
)


def answers(path: Path) -> str:
    """The bytes of the log derived again, the verdict, one report of a difference, and every projection."""
    records, events = list(read_records(path)), read_events(path)
    found, changed = replay(records), replay(_changed(records))
    assert changed.divergence is not None
    report = contrast(changed.divergence.recorded, changed.divergence.replayed)
    made = [
        hashlib.sha256(rederived(records)).hexdigest(), found.divergence, found.semantic_digest, found.identical,
        attrs.asdict(changed.divergence), changed.echoes, attrs.asdict(report),
        projections(events, blobs_of(path).get),
    ]  # fmt: skip
    return f"{path.stem} {hashlib.sha256(orjson.dumps(made)).hexdigest()}"


def _changed(records: Sequence) -> list:  # type: ignore[type-arg]
    """With another ending than the one that is derived."""
    last = records[-1]
    return [*records[:-1], attrs.evolve(last, data={**last.data, "summary": "somebody else's \u00e9 words"})]


def told() -> str:
    """What a policy is told about arguments that it got wrong, in thousands of ways."""
    draws = random.Random("malformed arguments")
    made = list(_SEEDS)
    while len(made) < MALFORMED:
        text = draws.choice(_SEEDS) if draws.random() < 0.5 else "".join(draws.choices(_PARTS, k=draws.randint(1, 8)))
        at = draws.randint(0, len(text))
        made.append(text[:at] + draws.choice(_PARTS) + text[at + draws.randint(0, 2) :])
    said = [parse_arguments(raw) for raw in made]
    assert sum(error is not None for _, error in said) > MALFORMED // 2
    return f"arguments {hashlib.sha256(orjson.dumps(said)).hexdigest()}"


async def all_answers(paths: Sequence[Path], *, concurrency: int) -> list[str]:
    """In the order of the paths, however they were worked on."""
    limiter = anyio.CapacityLimiter(concurrency)
    found: dict[int, str] = {}

    async def one(number: int, path: Path) -> None:
        found[number] = await anyio.to_thread.run_sync(answers, path, limiter=limiter)

    async with anyio.create_task_group() as tasks:
        for number, path in enumerate(paths):
            tasks.start_soon(one, number, path)
    return [found[number] for number in range(len(paths))]


def main() -> None:
    backend, concurrency, *names = sys.argv[1:]
    paths = [Path(name) for name in names] * COPIES
    lines = anyio.run(functools.partial(all_answers, paths, concurrency=int(concurrency)), backend=backend)
    print(*lines, told(), sep="\n")  # noqa: T201  a program


if __name__ == "__main__":
    main()
