"""`make areno-learn`: imitation, then reinforcement over our hooks, for several seeds; the curve is read from the logs.

python -m benchmarks.areno_cpu.learn OUT [--seeds 0,1,2] [--algo grpo|gspo] [--steps N] [--imitation N] [--lr X]
    [--sandbox KIND]

Each seed decides demonstrations, initial weights and draws, and has a folder OUT/<algo>-<seed>; one that is there already is
not played again. Writes OUT/<algo>.json and OUT/<algo>.svg over all of them. Exit code 1 when a command fails, and, from 8
steps on, when the mean reward of the last quarter of the steps is not above that of the first for every seed: fewer steps
only show that everything works together (`--seeds 0 --steps 2 --imitation 100`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.areno_cpu.curve import Curve, draw, has_learnt, quarters
from benchmarks.areno_cpu.pipeline import Failed, Place, imitate, prepare, reinforce

NOUNS, PROMPTS, SAMPLES = 4, 2, 8
ENOUGH = 8
"""Steps from which on a seed is expected to have learnt something."""
TOP_P = 0.95
"""A guess at an operator has a third of the probability, a wrong character in a call a hundredth: this keeps the one and
leaves out the other, after which one seed of three lost the tools for good (docs/areno-on-a-cpu.md)."""


def learn(place: Place, *, algo: str, steps: int, imitation: int, lr: float) -> None:
    """One seed."""
    prepare(place, nouns=NOUNS, samples=8)
    imitate(place, steps=imitation, lr=4e-3)
    reinforce(place, algo=algo, steps=steps, prompts=PROMPTS, samples=SAMPLES, lr=lr, mini_bs=SAMPLES, top_p=TOP_P)
    place.command("verify", "coding-agent", "verify", place.folder / algo)


def steps_of(place: Place, algo: str) -> list[dict[str, Any]]:
    text = place.command("stats", "coding-agent", "stats", place.folder / algo, "--by-step", "--json")
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
    parser = argparse.ArgumentParser(prog="benchmarks.areno_cpu.learn", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--algo", choices=["grpo", "gspo"], default="grpo")
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--imitation", type=int, default=320, help="steps of it (default: 320)")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--sandbox", default="bubblewrap")
    given = parser.parse_args(arguments)
    for seed in map(int, given.seeds.split(",")):
        folder = given.out.resolve() / f"{given.algo}-{seed}"
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        place = Place(folder=folder, sandbox=given.sandbox, seed=seed)
        try:
            learn(place, algo=given.algo, steps=given.steps, imitation=given.imitation, lr=given.lr)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    curves = summed_up(given.out.resolve(), given.algo, given.lr)
    return 0 if all(len(curve) < ENOUGH or has_learnt(curve) for curve in curves) else 1


def summed_up(out: Path, algo: str, lr: float) -> list[Curve]:
    """The rewards of each seed by step, from logs; writes and prints what was found. A step that was masked has none."""
    folders = sorted(out.glob(f"{algo}-*"))
    curves = {folder.name.rpartition("-")[2]: steps_of(Place(folder=folder), algo) for folder in folders}
    result = {"algo": algo, "lr": lr, "prompts": PROMPTS, "samples": SAMPLES, "seeds": curves}
    (out / f"{algo}.json").write_text(json.dumps(result, indent=1) + "\n")
    rewards = {f"seed {seed}": [each["reward"] for each in steps] for seed, steps in curves.items()}
    (out / f"{algo}.svg").write_text(draw(rewards, title=f"mean reward by step, {algo}"))
    for name, curve in rewards.items():
        first, last = quarters(curve)
        print(f"{algo}, {name}: mean reward {first:.3f} in the first quarter, {last:.3f} in the last", flush=True)
    return list(rewards.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
