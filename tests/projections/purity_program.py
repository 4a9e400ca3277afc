"""Projects and replays every log that it is given, with the world taken away, and prints one digest per log.

Run as a program, under any hash seed, time zone and locale: what it prints must not depend on them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import locale
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import attrs
import orjson

from coding_agent.events.schema import Event
from coding_agent.projections.audit import audit as look_for_cheats
from coding_agent.replay.golden import projections
from coding_agent.replay.sealed import replay
from coding_agent.rollout.begin import blob_names
from coding_agent.store.reader import read_events, read_records
from coding_agent.store.rundir import blobs_of
from tests.replay.rederiving import rederived

FORBIDDEN = (
    "open",
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.listdir",
    "os.scandir",
    "os.remove",
)


def take_the_world_away() -> None:
    """From here on files, processes, sockets, clocks and random numbers raise."""

    def refuse(name: str) -> Callable[..., NoReturn]:
        def refused(*_: Any, **__: Any) -> NoReturn:
            raise AssertionError(f"a projection used {name}")

        return refused

    def audit(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            raise AssertionError(f"a projection used {event}")

    for module in (time, random):
        for name, thing in list(vars(module).items()):
            if callable(thing) and not isinstance(thing, type) and not name.startswith("_"):
                setattr(module, name, refuse(f"{module.__name__}.{name}"))
    for name in ("urandom", "getenv", "getpid", "getcwd", "stat", "lstat", "environ"):
        setattr(os, name, refuse(f"os.{name}"))
    for method in ("random", "getrandbits", "choice", "randint", "seed"):
        setattr(random.Random, method, refuse(f"Random.{method}"))
    dt.datetime = dt.date = refuse("datetime")  # type: ignore[assignment,misc]
    sys.addaudithook(audit)


def audited(events: Sequence[Event], blobs: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [attrs.asdict(finding) for finding in look_for_cheats(events, blobs.__getitem__).findings]


def main() -> None:
    """One line per log."""
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    loaded = []
    for name in sys.argv[1:]:
        events = read_events(Path(name))
        blobs = {blob: blobs_of(Path(name)).get(blob) for blob in blob_names(events)}
        loaded.append((list(read_records(Path(name))), events, blobs))
    # Once before, so that what is imported or compiled only on first use is there.
    projections(loaded[0][1], loaded[0][2].__getitem__)
    audited(loaded[0][1], loaded[0][2])
    replay(loaded[0][0])
    rederived(loaded[0][0])
    take_the_world_away()
    for records, events, blobs in loaded:
        found = replay(records)
        made = [projections(events, blobs.__getitem__), found.semantic_digest, found.divergence is None]
        made.append(audited(events, blobs))
        digest = hashlib.sha256(orjson.dumps(made) + rederived(records)).hexdigest()
        print(found.header and found.header.episode, digest)  # noqa: T201  a program


if __name__ == "__main__":
    main()
