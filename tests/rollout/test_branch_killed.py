"""Killed while a new log still takes over what was recorded before: resumed, it takes over the rest, and then goes on."""

from __future__ import annotations

import errno
import functools
import itertools
import shutil
from pathlib import Path

import anyio
import attrs
import pytest

from coding_agent.errors import LogDamaged, WriterPoisoned
from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, Resumed
from coding_agent.replay.fork import fork_jobs
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.begin import Source, branch
from coding_agent.rollout.resume import plan
from coding_agent.rollout.scheduler import Job
from coding_agent.rollout.start import start_episode
from coding_agent.sandbox.local import LocalBackend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import SimulatedDisk
from coding_agent.store.writer import LogWriter
from tests.rollout.test_resume import POLICY, cancel_at_third_call, resume
from tests.rollout.worlds import FIX, SUBMIT, TASK, job, play_jobs, roll_out, script
from tests.samples import write_log

TEST = ("run_tests", "{}")
AT = 6
OTHER = script(FIX, ("list_files", "{}"), FIX, SUBMIT)
"""Who goes on; would act otherwise from the first turn on."""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parent") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(script(TEST, TEST, TEST, SUBMIT))]))
    return folder / "episodes/toy/0.0.jsonl"


def branches(parent: Path) -> list[Job]:
    return fork_jobs(parent, AT, task=TASK, build=lambda _: OTHER, n_samples=1)


@pytest.fixture(scope="module")
def forked(parent: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one branch, undisturbed."""
    run = RunDirectory.create(tmp_path_factory.mktemp("fork") / "run", {})
    anyio.run(functools.partial(play_jobs, run, branches(parent)))
    return run.path


def cut(source: Path, folder: Path, log: str, events: int) -> Path:
    """The run as a kill leaves it, or a power cut, when so many events of a log were written."""
    shutil.copytree(source, folder)
    lines = (folder / log).read_bytes().splitlines(keepends=True)
    (folder / log).write_bytes(b"".join(lines[:events]))
    (folder / "manifest.jsonl").write_bytes(b"")
    return folder / log


def facts(log: Path) -> list[object]:
    return [semantic(event) for event in read_events(log)]


async def test_a_fork_takes_over_the_rest_and_ends_as_if_undisturbed(
    parent: Path, forked: Path, tmp_path: Path, anyio_backend_name: str
) -> None:
    for kept in range(anyio_backend_name == "trio", AT + 1, 2):
        log = cut(forked, tmp_path / str(kept), "episodes/toy/0.0.jsonl", kept)
        left, _ = await resume(tmp_path / str(kept), branches(parent))
        assert (left.going_on, left.again, left.refused) == (1, 0, ())
        assert facts(log) == facts(forked / "episodes/toy/0.0.jsonl"), kept
        assert replay_log(log).divergence is None


async def test_a_new_attempt_takes_over_the_rest_too(tmp_path: Path) -> None:
    await cancel_at_third_call(tmp_path / "run")
    _, (outcome,) = await resume(tmp_path / "run", [job(POLICY)])
    header = read_events(outcome.path)[0]
    assert isinstance(header, EpisodeStarted)
    assert header.parent is not None
    for kept in (0, 1, header.parent.seq):
        log = cut(tmp_path / "run", tmp_path / str(kept), "episodes/toy/0.1.jsonl", kept)
        await resume(tmp_path / str(kept), [job(POLICY)])
        assert facts(log) == facts(outcome.path), kept


async def test_an_empty_attempt_whose_former_one_is_gone_begins_anew(tmp_path: Path) -> None:
    await cancel_at_third_call(tmp_path / "run")
    former = tmp_path / "run/episodes/toy/0.0.jsonl"
    former.unlink()
    former.with_name("0.1.jsonl").touch()
    _, (outcome,) = await resume(tmp_path / "run", [job(POLICY)])
    assert (outcome.attempt, outcome.passed) == (1, True)


def test_what_can_not_be_taken_over_any_more_is_refused_by_name(parent: Path, forked: Path, tmp_path: Path) -> None:
    log = cut(forked, tmp_path / "run", "episodes/toy/0.0.jsonl", AT)
    (moved,) = (attrs.evolve(each, source=None) for each in branches(parent))
    (refused,) = plan(RunDirectory.open(tmp_path / "run"), [moved]).refused
    assert (refused.file, refused.condition) == (str(log), "damaged")
    assert f"{AT} of the {AT + 1} events that it takes over from toy.0.0 are in it" in (refused.problem or "")


def test_a_log_that_holds_other_events_is_not_gone_on_with_as_a_branch(parent: Path, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    (chosen,) = branches(parent)
    start = start_episode(chosen, 0, backend=LocalBackend())
    path = write_log(run.log_path("toy", 0, 0), [start, Resumed(at_seq=1, harness="another")], durability="none")
    with pytest.raises(LogDamaged, match="event 1 is not the one"):
        branch(Source(log=parent, at=AT, begun=True), path, start, run=run, durability="none")


def test_a_branch_whose_disk_is_full_gives_back_its_lock(parent: Path, tmp_path: Path) -> None:
    disk = SimulatedDisk()
    run = RunDirectory.create(tmp_path / "run", {}, disk=disk)
    (chosen,) = branches(parent)
    path = run.log_path("toy", 0, 0)
    writes = itertools.count()

    def full(call: str) -> None:
        if call == "write" and next(writes) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    disk.on_call = full
    with pytest.raises(WriterPoisoned, match="No space left"):
        branch(
            Source(log=parent, at=AT),
            path,
            start_episode(chosen, 0, backend=LocalBackend()),
            run=run,
            durability="none",
        )
    with LogWriter.reopen(path, disk=disk) as log:
        assert log.events == 2
