"""From nothing to a trained model, each step a command that a user could give: what the smoke run and the learning run share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import attrs
import tomli_w
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.areno_cpu.courses import COURSES, Course

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
ONE_PROCESS = ("--world-size", "1", "--tp-size", "1", "--attn-backend", "native")
"""AReno's defaults are eight devices and CUDA kernels."""
MODULES = "benchmarks.areno_cpu"
LIMIT_S = 3600


class Failed(Exception):
    """A command did not do what it should; the text says which, and shows the end of what it printed."""


@attrs.frozen(kw_only=True)
class Place:
    """One folder that holds everything of one run."""

    folder: Path
    sandbox: str = "bubblewrap"
    seed: int = 0
    course_name: str = "sums"

    @property
    def course(self) -> Course:
        return COURSES[self.course_name]

    @property
    def tasks(self) -> Path:
        return self.folder / "tasks"

    @property
    def rows(self) -> Path:
        return self.folder / "rows.jsonl"

    @property
    def model(self) -> Path:
        """Random."""
        return self.folder / "model"

    @property
    def warm(self) -> Path:
        """After imitation."""
        return self.folder / "warm"

    def command(self, name: str, program: str, *arguments: object) -> str:
        """Run a program of this environment to its end; returns what it printed. Raises Failed."""
        began = time.monotonic()
        process = self.begin(name, program, *arguments)
        try:
            status = process.wait(timeout=LIMIT_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        log = self.log(name)
        text = log.read_text(errors="replace")
        if status != 0:
            words = " ".join([program, *map(str, arguments)])
            raise Failed(f"{words}\nended with {status}; the end of {log}:\n{text[-3000:]}")
        print(f"{time.monotonic() - began:7.1f} s  {name}", flush=True)
        return text

    def begin(self, name: str, program: str, *arguments: object, **more: str) -> subprocess.Popen[bytes]:
        """The same, running; `more` goes into its environment."""
        environ = {
            **os.environ,
            "PYTHONPATH": str(HERE.parents[1]),
            # AReno keeps a list of its jobs in the home directory.
            "HOME": str(self.folder),
            "HF_HUB_OFFLINE": "1",
            "ARENO_CPU_SEED": str(self.seed),
            "ARENO_CPU_BATCHES": str(self.folder / f"{name}-batches.jsonl"),
            "ARENO_LOG_COMPLETIONS": "0",
            **more,
        }
        words = [str(BIN / program), *map(str, arguments)]
        with self.log(name).open("wb") as out:
            return subprocess.Popen(words, env=environ, stdout=out, stderr=subprocess.STDOUT)

    def log(self, name: str) -> Path:
        """What a command printed."""
        return self.folder / f"{name}.log"


def prepare(place: Place, *, nouns: int, samples: int) -> None:
    """Tasks, demonstrations of them as logs, the logs as rows, a random model for those rows."""
    demonstrations, exported = place.folder / "demonstrations", place.folder / "demonstrations.jsonl"
    told = ("--course", place.course_name, "--nouns", nouns, "--samples", samples, "--seed", place.seed)
    where = ("--sandbox", place.sandbox)
    demonstrated = place.command("demonstrate", "python", "-m", f"{MODULES}.courses", place.folder, *told, *where)
    print(demonstrated, end="", flush=True)
    place.command("verify-demonstrations", "coding-agent", "verify", demonstrations)
    form = ("--format", "sft", "--min-reward", "0", "--out", exported)
    place.command("export", "coding-agent", "export", demonstrations, *form)
    sizes = ("--vocabulary", 1024, "--layers", 2, "--context", 4096, "--seed", place.seed)
    place.command("model", "python", "-m", f"{MODULES}.checkpoint", place.model, place.tasks, demonstrations, *sizes)
    place.command("rows", "python", "-m", f"{MODULES}.rows", place.model, place.rows, exported)


def imitate(place: Place, *, steps: int, lr: float = 6e-3) -> str:
    """`areno train --algo sft` on the rows."""
    return place.command(
        "imitate", "areno", "train", "--algo", "sft", "--ckpt", place.model, *ONE_PROCESS,
        "--dataset-path", place.rows, "--dataset-loader-fn", f"{HERE / 'loader.py'}:load_rows",
        "--batch-size", 2, "--mini-bs", 2, "--epochs", 1000, "--max-steps", steps, "--lr", lr,
        "--lr-decay-steps", steps, "--adam-beta2", 0.95, "--weight-decay", 0, "--max-prompt-tokens", 4096,
        "--max-new-tokens", 1024, "--save-path", place.warm, "--save-interval", steps,
        "--metrics-log-dir", place.folder / "metrics-imitate",
    )  # fmt: skip


def reinforce(
    place: Place, *, algo: str, steps: int, prompts: int, samples: int, lr: float, mini_bs: int = 1, top_p: float = 1.0
) -> str:
    """`areno train` over our three hooks, with the arguments that `coding-agent areno-args` prints.

    Samples that came out alike share a pass within a mini-batch of `mini_bs` trajectories.
    """
    words = training(
        place, algo, algo=algo, steps=steps, prompts=prompts, samples=samples, lr=lr, mini_bs=mini_bs, top_p=top_p
    )
    return place.command(algo, *words)


def training(
    place: Place, name: str, *, algo: str, steps: int, prompts: int, samples: int, lr: float, mini_bs: int = 1,
    top_p: float = 1.0,
) -> list[str]:  # fmt: skip
    """The command line of a training run called `name`; its options are written down where it says."""
    checkpoint, course = next(place.warm.iterdir()), place.course
    metrics = place.folder / f"metrics-{name}"
    config = place.folder / f"{name}.toml"
    told = {
        "tasks": [str(place.tasks)], "run_dir": name, "toolset": course.toolset, "max_turns": course.turns,
        "sandbox": place.sandbox, "seed": place.seed, "tensorboard": str(metrics / "coding_agent"),
    }  # fmt: skip
    config.write_bytes(tomli_w.dumps(told).encode())
    limits = ("--max-context-len", course.context, "--max-new-tokens", course.max_new_tokens)
    arguments = place.command(f"{name}-args", "coding-agent", "areno-args", config, *limits).split()
    words = (
        "areno", "train", "--algo", algo, "--ckpt", checkpoint, *arguments,
        # Of an option that is there twice the last counts: this loader is ours with the CPU backend in tow.
        "--dataset-loader-fn", HERE / "loader.py", "--mini-bs", mini_bs, *ONE_PROCESS,
        "--batch-size", prompts, "--n-samples", samples, "--epochs", 1000, "--max-steps", steps, "--lr", lr,
        "--lr-decay-style", "constant", "--top-p", top_p, "--adam-beta2", 0.95, "--weight-decay", 0,
        "--save-path", place.folder / f"{name}-saved", "--save-interval", steps, "--metrics-log-dir", metrics,
    )  # fmt: skip
    return list(map(str, words))


def scalars(metrics: Path) -> dict[str, list[float]]:
    """Every TensorBoard scalar below a folder: its values in the order of steps."""
    found: dict[str, list[float]] = {}
    for folder in sorted({path.parent for path in metrics.rglob("events.out.tfevents.*")}):
        events = EventAccumulator(str(folder))
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found[tag] = [event.value for event in events.Scalars(tag)]
    return found
