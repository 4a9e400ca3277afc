"""What `rollout`, `resume` and `fork` share: a run's configuration, playing its jobs, the report at the end."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import attrs

from coding_agent.cli import exits
from coding_agent.cli.output import err, out, print_json
from coding_agent.cli.policies import policy_factory
from coding_agent.cli.progress import Watch, outcome_table
from coding_agent.errors import UsageError, ungrouped
from coding_agent.events.strict import Rejected, UnknownField, strict_reader
from coding_agent.rollout.host import allow_files
from coding_agent.rollout.scheduler import UNFINISHED, Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.probes import refuse_broken_promises
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import Durability
from coding_agent.tasks.load import find_tasks

FAILED = frozenset({"infra_error", "policy_error"})


def _at_least(least: int) -> Callable[[Any, attrs.Attribute[Any], int], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
        if value < least:
            raise ValueError(f"{attribute.name}: expected {least} or more, found {value}")

    return check


@attrs.frozen(kw_only=True)
class Options:
    """What `run.toml` records."""

    tasks: tuple[str, ...]
    policy: str
    n_samples: int = attrs.field(validator=_at_least(1))
    concurrency: int = attrs.field(validator=_at_least(1))
    seed: int
    max_turns: int | None = attrs.field(default=None, validator=attrs.validators.optional(_at_least(1)))
    sandbox: str
    durability: Durability
    retries: int = attrs.field(validator=_at_least(0))
    directory: str = attrs.field(factory=lambda: str(Path.cwd()))
    """Where the command was given: paths in `tasks` and `policy` are relative to it."""
    fork: Fork | None = None

    def configuration(self) -> dict[str, Any]:
        """As TOML can hold it."""
        return attrs.asdict(self, filter=_is_set)

    @classmethod
    def of(cls, run: RunDirectory) -> Options:
        """Those that a run was begun with. Raises UsageError when `run.toml` is not one of ours."""
        if "areno" in run.configuration:
            raise UsageError(f"{run.path} is a training run: start `areno train` again with the same run_dir to go on")
        try:
            return strict_reader().structure(run.configuration, cls)
        except Rejected as wrong:
            key = wrong.path("").removeprefix(".")
            problem = f"{key}{': ' * bool(key)}expected {wrong.expected}, found {wrong.found!r}"
        except UnknownField as unknown:
            problem = f"{str(unknown).rpartition('.')[2]}: there is no such option"
        except ValueError as error:
            problem = str(error)
        raise UsageError(f"{run.path / 'run.toml'} is not what a run was begun with: {problem}")


def _is_set(_: object, value: object) -> bool:
    return value is not None


@attrs.frozen(kw_only=True)
class Fork:
    """The event that a run's episodes branched from."""

    log: str
    at: int


def jobs_of(options: Options) -> list[Job]:
    """Every sample of every task. Raises UsageError, TaskError."""
    build = policy_factory(options.policy)
    return [
        Job(
            task=task,
            policy=build(task),
            sample=sample,
            limits=task_limits(task, max_turns=options.max_turns),
            seed=episode_seed(options.seed, task.id, sample),
        )
        for task in find_tasks(options.tasks)
        for sample in range(options.n_samples)
    ]


def open_backend(kind: str, *, hide: Iterable[str | Path] = ()) -> SandboxBackend:
    """The backend, after its promises were tried in a sandbox of it; it shows nothing of the places to `hide`.

    Raises SandboxUnavailable.
    """
    backend = make_backend(kind, hide=map(Path, hide))
    if kind == "local":
        err.print("[yellow]warning:[/] --sandbox local isolates nothing; run only tasks and policies that you trust")
    elif kind != "bubblewrap":
        err.print(f"not promised by {kind}: {', '.join(backend.lacks)}", markup=False)
    anyio.run(refuse_broken_promises, backend)
    return backend


def play(
    jobs: Sequence[Job], *, backend: SandboxBackend, run: RunDirectory, options: Options, quiet: bool
) -> tuple[list[Outcome], bool]:
    """All outcomes, sorted, and whether a signal ended the run early."""
    allow_files()
    watch = Watch(len(jobs), quiet=quiet)
    with watch, ungrouped():
        return anyio.run(functools.partial(_roll_out, jobs, backend, run, options, watch))


async def _roll_out(
    jobs: Sequence[Job], backend: SandboxBackend, run: RunDirectory, options: Options, watch: Watch
) -> tuple[list[Outcome], bool]:
    places = options.concurrency
    world = World(
        backend=backend,
        spec=SandboxSpec(),
        run=run,
        lanes=Lanes.of(models=places, sandboxes=places, graders=places),
        durability=options.durability,
        observer=watch.observe,
    )
    scheduler = Scheduler(
        world=world,
        start=functools.partial(start_episode, backend=backend),
        concurrency=places,
        retries=options.retries,
        on_outcome=watch.finished,
    )
    manifest = run.manifest()
    interrupted = False
    try:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                await group.start(_watch_signals, scope)
                await scheduler.run(jobs, manifest)
            interrupted = scope.cancelled_caught
            group.cancel_scope.cancel()
    finally:
        manifest.close()
    return sorted(scheduler.outcomes, key=lambda outcome: (outcome.task, outcome.sample)), interrupted


async def _watch_signals(scope: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    # A shell in the background and `nohup` ignore them for us.
    wanted = (each for each in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN)
    heard = (signal.SIGTERM, *wanted)
    try:
        with anyio.open_signal_receiver(*heard) as signals:
            task_status.started()
            async for number in signals:
                if scope.cancel_called:
                    continue
                scope.cancel()
                with contextlib.suppress(OSError):  # a terminal that hung up
                    err.print(f"[yellow]{signal.Signals(number).name}: completing the logs[/]")
    except KeyboardInterrupt:
        # One that came when the event loop listened no more.
        if not scope.cancel_called:
            raise
    finally:
        if scope.cancel_called:
            # The logs are complete; all that is left is to say so, and a second Ctrl-C must not cut that off.
            _ignore(heard)


def _ignore(numbers: Sequence[signal.Signals]) -> None:
    while True:
        try:
            for each in numbers:
                signal.signal(each, signal.SIG_IGN)
        except KeyboardInterrupt:
            continue
        return


def default_directory() -> Path:
    """`runs/<time>-<pid>`."""
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{now}-{os.getpid()}"


def report(
    outcomes: list[Outcome], run: RunDirectory, *, interrupted: bool, as_json: bool, quiet: bool, **more: Any
) -> None:
    """The end of a run, for people or as one JSON document."""
    passed = sum(outcome.passed is True for outcome in outcomes)
    if interrupted:
        again = shlex.join(("coding-agent", "resume", str(run.path)))
        err.print(f"interrupted: {len(outcomes)} episodes had ended; `{again}` goes on", markup=False)
    lost = [outcome for outcome in outcomes if outcome.reason == UNFINISHED]
    if lost:
        again = shlex.join(("coding-agent", "resume", str(run.path)))
        err.print(
            f"{len(lost)} episodes could not be recorded to their end, the first: {lost[0].detail}; "
            f"once that is mended `{again}` goes on",
            markup=False,
        )
    if as_json:
        print_json({"run": str(run.path), "interrupted": interrupted, "episodes": outcomes, "passed": passed, **more})
        return
    if quiet or not outcomes:
        return
    out.print(outcome_table(outcomes))
    out.print(f"\n{passed} of {len(outcomes)} episodes passed. The run is in {run.path}\n", markup=False)
    whole = [outcome for outcome in outcomes if outcome.reason != UNFINISHED]
    if not whole:
        return
    log = next((outcome.path for outcome in whole if outcome.passed), whole[0].path)
    out.print("Next:", markup=False)
    for command in (("show", log), ("replay", log), ("stats", run.path)):
        out.print("  " + shlex.join((*_program(), *map(str, command))), markup=False)


def _program() -> tuple[str, ...]:
    """What a shell here starts us by: not on PATH when a virtual environment was not activated."""
    if shutil.which("coding-agent"):
        return ("coding-agent",)
    called = Path(sys.argv[0])
    return (str(called),) if called.name == "coding-agent" else (sys.executable, "-m", "coding_agent.cli.main")


def exit_of(outcomes: list[Outcome], *, interrupted: bool) -> int:
    """What a run exits with."""
    if interrupted:
        return exits.INTERRUPTED
    if any(outcome.reason == UNFINISHED for outcome in outcomes):
        return exits.REFUSED
    return exits.DIFFERENT if any(outcome.reason in FAILED for outcome in outcomes) else exits.OK
