"""A real process that is killed (-9) in the middle of an episode in a real sandbox, and gone on with.

python -m tests.rollout.killed FOLDER EVENTS     plays the episode and kills itself once its log has so many events
python -m tests.rollout.killed FOLDER 0 SECONDS  or when so much time is over
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import anyio

from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, Event, Resumed
from coding_agent.projections.conversation import conversation
from coding_agent.projections.metrics import episode_metrics
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.resume import plan
from coding_agent.rollout.world import Stage
from coding_agent.store.index import recover_run
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from tests.rollout.worlds import FIX, SUBMIT, job, play_jobs, roll_out, script
from tests.samples import no_blob

KIND = "bubblewrap"
TEST = ("run_tests", "{}")
POLICY = script(
    TEST, ("write_file", '{"path": "notes.txt", "content": "# first"}'),
    ("run_command", '{"command": "cat notes.txt >> double.py; cp double.py copy.py; rm notes.txt; (setsid sleep 60 &)"}'),
    ("run_command", '{"command": "chmod +x copy.py; ln -s copy.py link.py; sleep 0.2; exit 3"}'), FIX, TEST, SUBMIT,
)  # fmt: skip
"""Each kind of change, made by every kind of tool, before the end; and something that does not want to end."""
ROOT = Path(__file__).parents[2]
GONE_S = 60.0
LOG = "episodes/toy/0.0.jsonl"


def undisturbed(folder: Path) -> tuple[Event, ...]:
    anyio.run(functools.partial(roll_out, folder, [job(POLICY)], kind=KIND))
    return read_events(folder / LOG)


def seen(events: tuple[Event, ...]) -> object:
    """Everything that a projection says of an episode, without what a resumption may differ in."""
    same = [semantic(event) for event in events if not isinstance(event, EpisodeStarted | Resumed)]
    metrics = episode_metrics(events)
    return same, patch(events, no_blob), reward(events, no_blob), conversation(events), metrics.tools, metrics.reason


def problems(folder: Path, whole: tuple[Event, ...], *, events: int = 0, after_s: float = 0.0) -> list[str]:
    """Kill it there, go on, and hold what came of it against the undisturbed episode."""
    place = Path(tempfile.mkdtemp(prefix="coding-agent-killed-"))
    place.chmod(0o755)
    command = [sys.executable, "-m", "tests.rollout.killed", str(folder), str(events), str(after_s)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(place)}, check=False)
    wrong = [] if done.returncode in {-signal.SIGKILL, 0} else [f"it ended with {done.returncode}"]
    wrong += _left(folder, place)
    run = RunDirectory.open(folder / "run")
    anyio.run(functools.partial(_go_on, run))
    log = folder / "run" / LOG
    found = read_events(log)
    if seen(found) != seen(whole):
        wrong.append("the projections are not those of the undisturbed episode")
    if replay_log(log).divergence is not None:
        wrong.append("the log does not replay")
    if [report.condition for report in run.verify()] != ["sealed"]:
        wrong.append("the run is not sealed")
    return wrong


async def _go_on(run: RunDirectory) -> None:
    # As the command does: a kill between Done and the manifest's line leaves a sealed log that nothing names.
    recover_run(run)
    await play_jobs(run, list(plan(run, [job(POLICY)]).jobs), kind=KIND)


def _left(folder: Path, place: Path) -> list[str]:
    """What outlives the killed process: the sandbox's processes, its directories."""
    started = json.loads((folder / "started.json").read_text())
    deadline = time.monotonic() + GONE_S
    while True:
        alive = [pid for pid, since in started if _since(pid) == since]
        kept = [path.name for path in place.iterdir()]
        if not alive and not kept:
            place.rmdir()
            return []
        if time.monotonic() > deadline:
            return [f"after {GONE_S:g} s there still are the processes {alive} and the directories {kept}"]
        time.sleep(0.02)


def _since(pid: int) -> str | None:
    """When a process began, which tells it from another that got its number; None when it is gone."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in {"Z", "X"} else fields[18]


def _below(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_below(child)]
    return found


def _die(folder: Path) -> None:
    started = [(pid, _since(pid)) for pid in _below(os.getpid())]
    (folder / "started.json").write_text(json.dumps([each for each in started if each[1]]))
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    folder, at, after_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    count = 0

    def observe(_episode: str, _stage: Stage, event: Event | None) -> None:
        nonlocal count
        count += event is not None
        if count == at:
            _die(folder)

    run = RunDirectory.create(folder / "run", {})
    if not at:
        clock = threading.Timer(after_s, _die, [folder])
        clock.daemon = True
        clock.start()
    anyio.run(functools.partial(play_jobs, run, [job(POLICY)], kind=KIND, observer=observe))
    (folder / "started.json").write_text("[]")


if __name__ == "__main__":
    main()
