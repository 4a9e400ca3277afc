"""Real training runs that are ended in the middle of a step, by a signal or by their own trainer, and what they leave."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.areno_cpu.pipeline import BIN, Failed, Place, training

SECOND = "step=1 role=policy stage=rollout_start"
"""What AReno prints when it begins its second step."""
PATIENCE_S = 240.0
RAISES = "def reward_fn(record):\n    raise RuntimeError('the reward is broken')\n"
ENDINGS: dict[str, signal.Signals | None] = {"sigint": signal.SIGINT, "sigterm": signal.SIGTERM, "raises": None}


def endings(place: Place) -> Iterator[tuple[str, bool]]:
    """What must hold of each, and whether it does. Who calls looks for processes that are left."""
    reward = place.folder / "raises.py"
    reward.write_text(RAISES)
    began = time.monotonic()
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, number in ENDINGS.items():
            program, *words = training(place, name, algo="grpo", steps=99, prompts=2, samples=4, lr=1e-4)
            words += [] if number else ["--reward-fn-path", str(reward)]
            (place.folder / f"{name}-tmp").mkdir()
            running[name] = place.begin(name, program, *words, TMPDIR=str(place.folder / f"{name}-tmp"))
        _signal_in_second_step(place, running)
        for name, process in running.items():
            yield from _ended(place, name, process)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    print(f"{time.monotonic() - began:7.1f} s  endings", flush=True)


def _ended(place: Place, name: str, process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bool]]:
    status = process.wait(timeout=PATIENCE_S)
    yield f"{name}: areno train ended with {status}", status != 0
    left = sorted(path.name for path in (place.folder / f"{name}-tmp").glob("coding-agent*"))
    yield f"{name}: no folder of a sandbox is left{': ' * bool(left)}{left or ''}", not left
    told = subprocess.run(
        [BIN / "coding-agent", "verify", place.folder / name, "--json"], capture_output=True, check=False
    )
    found = sorted({report["condition"] for report in json.loads(told.stdout)})
    # Who is terminated completes nothing, not even the first line of a log that was just made.
    allowed = {"sealed", "incomplete"} | ({"torn"} if ENDINGS[name] == signal.SIGTERM else set())
    yield f"{name}: its logs are {' and '.join(found)}", bool(found) and set(found) <= allowed


def _signal_in_second_step(place: Place, running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Each as soon as AReno is in it and one of its episodes has a log."""
    ends, waiting = time.monotonic() + PATIENCE_S, {name for name, number in ENDINGS.items() if number}
    while waiting:
        for name in sorted(waiting):
            said = place.log(name).read_text(errors="replace")
            if SECOND in said and _has_log_of_step(place.folder / name, 1):
                running[name].send_signal(ENDINGS[name] or 0)
                waiting.remove(name)
            elif running[name].poll() is not None or time.monotonic() > ends:
                raise Failed(f"{name} never came to its second step:\n{said[-3000:]}")
        time.sleep(0.005)


def _has_log_of_step(run: Path, step: int) -> bool:
    return any(f'"step":{step},' in log.read_text().partition("\n")[0] for log in run.glob("episodes/*/*.jsonl"))
