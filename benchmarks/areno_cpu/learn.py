"""`make areno-learn`: imitation, then reinforcement over our hooks, for several seeds; the curve is read from the logs.

python -m benchmarks.areno_cpu.learn OUT [--seeds 0,1,2] [--course NAME] [--algo grpo,gspo] [--steps N] [--imitation N]
    [--lr X] [--one-warm-up] [--sandbox KIND]

Each seed decides demonstrations, initial weights and draws (draws alone, after the first, with --one-warm-up), and has a folder
OUT/seed-<n>, in which a step that was taken already is not taken again. Writes OUT/<algo>.json and OUT/<algo>.svg over all
seeds. Exit code 1 when a command fails, and, from 8 steps on, when the mean reward of the last quarter of the steps is not above
that of the first for every seed: fewer steps only show that everything works together
(`--seeds 0 --steps 2 --imitation 100`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.areno_cpu.courses import COURSES
from benchmarks.areno_cpu.curve import Curve, draw, has_learnt, quarters
from benchmarks.areno_cpu.pipeline import Failed, Place, imitate, prepare, reinforce

NOUNS, PROMPTS, SAMPLES = 4, 2, 8
ENOUGH = 8
"""Steps from which on a seed is expected to have learnt something."""
TOP_P = 0.95
"""A guess at an operator has a third of the probability, a wrong character in a call a hundredth: this keeps the one and
leaves out the other, after which one seed of three lost the tools for good (docs/areno-on-a-cpu.md)."""


def warm_up(place: Place, *, imitation: int | None) -> None:
    """A model that works the tools, without knowing what for."""
    prepare(place, nouns=NOUNS, samples=8)
    imitate(place, steps=imitation or place.course.imitation, lr=4e-3)


def learn(place: Place, algo: str, *, steps: int, lr: float) -> None:
    """One seed by one algorithm."""
    reinforce(place, algo=algo, steps=steps, prompts=PROMPTS, samples=SAMPLES, lr=lr, mini_bs=SAMPLES, top_p=TOP_P)
    place.command(f"verify-{algo}", "coding-agent", "verify", place.folder / algo)


def steps_of(place: Place, algo: str) -> list[dict[str, Any]]:
    text = place.command(f"stats-{algo}", "coding-agent", "stats", place.folder / algo, "--by-step", "--json")
    return [
        {
            "step": each["step"],
            "reward": each["reward_mean"],
            "submitted": each["run"]["reasons"].get("submitted", 0) / each["run"]["episodes"],
            "tool_errors": each["tool_error_rate"],
            "zero_variance": each["groups"]["zero_variance"],
        }
        for each in json.loads(text)["steps"]
    ]


def main(arguments: list[str]) -> int:
    given = _given(arguments)
    out, algos = given.out.resolve(), given.algo.split(",")
    try:
        _learn_all(given, out, algos)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    curves = [curve for algo in algos for curve in summed_up(out, algo, given.course, given.lr)]
    return 0 if all(len(curve) < ENOUGH or has_learnt(curve) for curve in curves) else 1


def _given(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.areno_cpu.learn", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--course", choices=COURSES, default="doubles", help="what is learnt, and from whom")
    parser.add_argument("--algo", default="grpo,gspo", help="one or both (default: grpo,gspo)")
    parser.add_argument("--steps", type=int, help="of reinforcement (default: the course's)")
    parser.add_argument("--imitation", type=int, help="steps of it (default: the course's)")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--one-warm-up", action="store_true", help="later seeds begin with what the first has imitated")
    parser.add_argument("--sandbox", default="bubblewrap")
    return parser.parse_args(arguments)


def _learn_all(given: argparse.Namespace, out: Path, algos: list[str]) -> None:
    first: Path | None = None
    for seed in map(int, given.seeds.split(",")):
        folder = out / f"seed-{seed}"
        place = Place(folder=folder, sandbox=given.sandbox, seed=seed, course_name=given.course)
        if not folder.exists():
            folder.mkdir(parents=True)
            if first is not None and given.one_warm_up:
                for name in (place.tasks.name, place.warm.name):
                    shutil.copytree(first / name, folder / name)
            else:
                warm_up(place, imitation=given.imitation)
        first = first or folder
        for algo in algos:
            if not (folder / algo).exists():
                learn(place, algo, steps=given.steps or place.course.steps, lr=given.lr)


def summed_up(out: Path, algo: str, course: str, lr: float) -> list[Curve]:
    """The rewards of each seed by step, from logs; writes and prints what was found. A step that was masked has none."""
    folders = sorted(out.glob(f"seed-*/{algo}"))
    curves = {run.parent.name.removeprefix("seed-"): steps_of(Place(folder=run.parent), algo) for run in folders}
    result = {"course": course, "algo": algo, "lr": lr, "prompts": PROMPTS, "samples": SAMPLES, "seeds": curves}
    (out / f"{algo}.json").write_text(json.dumps(result, indent=1) + "\n")
    rewards = {f"seed {seed}": [each["reward"] for each in steps] for seed, steps in curves.items()}
    (out / f"{algo}.svg").write_text(draw(rewards, title=f"mean reward by step, {course}, {algo}"))
    for name, curve in rewards.items():
        first, last = quarters(curve)
        print(f"{algo}, {name}: mean reward {first:.3f} in the first quarter, {last:.3f} in the last", flush=True)
    return list(rewards.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
