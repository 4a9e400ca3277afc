"""Replay from zero after every event: what is on the disk must always be what the episode, still running, stands on."""

from __future__ import annotations

from collections.abc import Iterator

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.state import fold
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from tests.simulation.schedules import schedule, scratch
from tests.simulation.worlds import roll_out


def replays_of(seed: int) -> Iterator[str | None]:
    """One case for each event of the schedule's run: None, or how the replay was not what had happened until then."""
    chosen = schedule(seed)
    found: list[str | None] = []
    seen: dict[str, list[Event]] = {}

    def observe(episode: str, _stage: Stage, event: Event | None) -> None:
        if event is not None:
            events = seen.setdefault(episode, [])
            events.append(event)
            problem = _problem(run, episode, events)
            found.append(None if problem is None else f"{episode}, event {len(events) - 1}: {problem}")

    with scratch() as folder:
        run = RunDirectory.create(folder / "run", {})
        roll_out(
            run, chosen.jobs, SimulatedBackend(faults=chosen.faults), seed=seed, places=chosen.places,
            retries=chosen.retries, cancel_at=chosen.cancel_at, observer=observe,
        )  # fmt: skip
    yield from found


def _problem(run: RunDirectory, episode: str, events: list[Event]) -> str | None:
    task, sample, attempt = episode.rsplit(".", 2)
    log = run.log_path(task, int(sample), int(attempt))
    try:
        replay, written = replay_log(log), list(read_events(log))
    except StoreError as error:
        return str(error)
    if replay.divergence is not None:
        return replay.divergence.message
    if (replay.identical, replay.events) != (len(events), len(events)):
        return f"{replay.identical} of {replay.events} events replayed, {len(events)} were acknowledged"
    return None if written == events and fold(written) == fold(events) else "the log says something else"
