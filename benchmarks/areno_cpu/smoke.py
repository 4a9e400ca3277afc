"""`make areno-smoke`: the real `areno train`, two steps over our three hooks, on a CPU, and everything it leaves checked.

python -m benchmarks.areno_cpu.smoke [--sandbox KIND] [--keep FOLDER]    exit code 1 when a check fails
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import math
import os
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from benchmarks.areno_cpu.endings import endings
from benchmarks.areno_cpu.pipeline import Failed, Place, imitate, prepare, reinforce, scalars

STEPS, PROMPTS, SAMPLES = 2, 2, 8
PR_SET_CHILD_SUBREAPER = 36
BUILT = re.compile(r"agentic train batch built samples=(\d+) train_rows=(\d+) tokens=(\d+)")
REWARD = re.compile(r"metric=reward_mean value=(\S+)")
LEARNABLE, CHANGED = "and there is something to learn in one of the groups", "the weights changed"
TRIES = 3
"""With another seed each: by chance no group of so small a run may have both a right and a wrong sample."""
Row = dict[str, Any]
SAME = ("step", "tokens", "loss_mask", "logprobs", "reward")
"""What an exported row and a trained one must have alike, to the last bit."""


def check(place: Place, log: str) -> Iterator[tuple[str, bool]]:
    """What must hold, and whether it does."""
    by_step: dict[int, list[Row]] = defaultdict(list)
    exported = _exported(place, place.folder / "grpo")
    for row in exported:
        by_step[row["step"]].append(row)
    yield from _check_rows(log, by_step)
    yield from _check_contents(exported, _lines(place.folder / "grpo-batches.jsonl"))
    yield from _check_rewards(log, by_step)
    yield from _check_training(log)
    yield CHANGED, _changed(place)
    yield from _check_metrics(place)


def _check_rows(log: str, by_step: dict[int, list[Row]]) -> Iterator[tuple[str, bool]]:
    built = [tuple(map(int, found)) for found in BUILT.findall(log)]
    samples = [count for count, _, _ in built]
    yield f"AReno built {STEPS} batches of {PROMPTS * SAMPLES} samples", samples == [PROMPTS * SAMPLES] * STEPS
    yield "AReno left no sample out", "filtered" not in log
    in_logs = [(len(by_step[step]), sum(len(row["tokens"]) for row in by_step[step])) for step in range(STEPS)]
    yield f"the logs give the rows and tokens that AReno trained on: {in_logs}", [b[1:] for b in built] == in_logs
    yield "every (prompt, sample) has an episode with turns", _each_sample_once(by_step)


def _check_contents(exported: list[Row], trained: list[Row]) -> Iterator[tuple[str, bool]]:
    """Row by row what the optimiser got, in its order; AReno computes advantages in single precision."""
    differing = Counter[str]()
    for ours, theirs in zip(exported, trained, strict=False):
        differing.update(name for name in SAME if ours[name] != theirs[name])
        differing["advantage"] += not math.isclose(ours["advantage"], theirs["advantage"], abs_tol=1e-5)
    same = len(exported) == len(trained) and not differing.total()
    told = "" if same else f": {len(exported)} and {len(trained)} rows, differing in {dict(+differing)}"
    yield f"and every id, mask, log-probability, reward and advantage of them{told}", same


def _check_rewards(log: str, by_step: dict[int, list[Row]]) -> Iterator[tuple[str, bool]]:
    rewards = [float(value) for value in REWARD.findall(log)]
    yield f"rewards are finite: {rewards}", len(rewards) == STEPS and all(map(math.isfinite, rewards))
    pairs = zip(rewards, (_mean_of_episodes(by_step[step]) for step in range(STEPS)), strict=False)
    yield "and are those that the logs are worth", all(math.isclose(a, b, abs_tol=1e-5) for a, b in pairs)


def _check_training(log: str) -> Iterator[tuple[str, bool]]:
    norms, differences = _figures(log, "grad_norm"), _figures(log, "logp_abs_diff_mean")
    yield f"gradients are finite: {norms}", len(norms) == STEPS and all(map(math.isfinite, norms))
    yield LEARNABLE, max(norms, default=0.0) > 0
    yield (
        f"training sees the tokens with the log-probabilities that were sampled: {differences}",
        len(differences) == STEPS and all(difference < 1e-4 for difference in differences),
    )


def _figures(log: str, name: str) -> list[float]:
    """One figure of each optimiser step."""
    return [float(found) for found in re.findall(rf"train_stats=.*?'{name}': ([^,}}]+)", log)]


def _exported(place: Place, run: Path) -> list[Row]:
    place.command("verify", "coding-agent", "verify", run)
    place.command("replay", "coding-agent", "replay", run)
    out = place.folder / "areno-rows.jsonl"
    place.command("areno-rows", "coding-agent", "export", run, "--format", "areno-rows", "--out", out)
    return _lines(out)


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _each_sample_once(by_step: dict[int, list[Row]]) -> bool:
    for step in range(STEPS):
        groups = Counter(group for group, _ in {(row["group"], row["episode"]) for row in by_step[step]})
        if list(groups.values()) != [SAMPLES] * PROMPTS:
            return False
    return True


def _mean_of_episodes(rows: list[Row]) -> float:
    worth = {row["episode"]: row["reward"] for row in rows}
    return float(sum(worth.values()) / len(worth)) if worth else math.nan


def _changed(place: Place) -> bool:
    before = load_file(next(place.warm.iterdir()) / "model.safetensors")
    after = load_file(next((place.folder / "grpo-saved").iterdir()) / "model.safetensors")
    return any(bool((before[name] != after[name]).any()) for name in before)


def _check_metrics(place: Place) -> Iterator[tuple[str, bool]]:
    found = scalars(place.folder / "metrics-grpo")
    ours = [tag for tag in found if tag.startswith("coding_agent/")]
    theirs = [tag for tag in found if tag.startswith(("rollout/", "train/", "time/"))]
    yield f"TensorBoard has {len(theirs)} scalars of AReno's and {len(ours)} of ours", bool(ours) and bool(theirs)
    yield "and all are finite", all(math.isfinite(value) for values in found.values() for value in values)


def left_behind(patience_s: float = 10.0) -> list[str]:
    """Command lines of processes that somebody below us started and did not end; orphans come to us."""
    ends = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        pids = (Path("/proc/self/task") / str(os.getpid()) / "children").read_text().split()
        if not pids or time.monotonic() > ends:
            return [(Path("/proc") / pid / "cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids]
        time.sleep(0.1)


def smoke(place: Place) -> list[str]:
    """What failed; empty when nothing did."""
    prepare(place, nouns=2, samples=16)
    imitate(place, steps=130)
    log = reinforce(place, algo="grpo", steps=STEPS, prompts=PROMPTS, samples=SAMPLES, lr=1e-4)
    results = [*check(place, log), *endings(place)]
    left = left_behind()
    results.append((f"no process is left{': ' * bool(left)}{left or ''}", not left))
    for claim, holds in results:
        print(f"  {'ok    ' if holds else 'FAILED'}  {claim}", flush=True)
    return [claim for claim, holds in results if not holds]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", default="bubblewrap")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it there")
    given = parser.parse_args(arguments)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="areno-smoke-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for seed in range(TRIES):
                (tried := folder.resolve() / str(seed)).mkdir()
                failed = smoke(Place(folder=tried, sandbox=given.sandbox, seed=seed))
                if set(failed) != {LEARNABLE, CHANGED}:
                    break
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{'FAILED' if failed else 'passed'} after {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
