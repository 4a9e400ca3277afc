"""Projections and sealed replay are functions of the events: of nothing else in the world, and of every prefix alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent.events.schema import Event
from coding_agent.projections.conversation import conversation
from coding_agent.projections.metrics import episode_metrics
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.projections.trajectory import trajectory
from coding_agent.projections.transcript import transcript
from coding_agent.rollout.state import EpisodeState, evolve, fold
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "replays").glob("*.jsonl"))
SETTINGS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4294967295", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
)


def digests(settings: dict[str, str]) -> str:
    command = [sys.executable, "-m", "tests.projections.purity_program", *map(str, GOLDEN)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_files_clocks_sockets_and_chance_and_in_any_place_they_are_the_same() -> None:
    found = {digests(settings) for settings in SETTINGS}
    assert len(found) == 1
    assert len(next(iter(found)).splitlines()) == len(GOLDEN)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_at_every_prefix_the_fold_is_the_whole_fold_and_every_projection_has_an_answer(path: Path) -> None:
    events, read_blob = read_events(path), blobs_of(path).get
    state, shown = EpisodeState(), 0
    for size, event in enumerate(events, start=1):
        prefix = events[:size]
        state = evolve(state, event)
        assert state == fold(prefix)
        messages = conversation(prefix)
        assert messages == state.conversation.messages
        assert len(messages) >= shown
        shown = len(messages)
        _project_all(prefix, read_blob)


def _project_all(prefix: tuple[Event, ...], read_blob: object) -> None:
    assert trajectory(prefix).messages == conversation(prefix)
    assert reward(prefix, read_blob).value is None or prefix[-1].__class__.__name__ == "Done"  # type: ignore[arg-type]
    assert episode_metrics(prefix).turns >= 0
    assert patch(prefix, read_blob) is not None  # type: ignore[arg-type]
    assert transcript(prefix)
