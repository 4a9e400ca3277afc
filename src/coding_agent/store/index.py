"""The manifest from the logs: what it says can be found out again, except which logs are gone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged, LogTorn, StoreError, StoreUnwritable
from coding_agent.events.schema import Done, EpisodeStarted, Event, TestRun
from coding_agent.events.verdict import grade_of, passed
from coding_agent.store.disk import NOT_A_FILE, REAL_DISK, Disk
from coding_agent.store.manifest import Entry, Manifest, read_manifest
from coding_agent.store.reader import LogReport, event_of, read_records, verify
from coding_agent.store.recover import Recovery, cut_tail, recover
from coding_agent.store.rundir import RunDirectory, problem_of
from coding_agent.store.salvage import Salvaged, salvage
from coding_agent.store.writer import lock, release


@attrs.frozen(kw_only=True)
class RunRecovery:
    """What `recover_run` did."""

    recovered: tuple[Recovery, ...]
    """Logs whose torn tail was cut."""
    refused: tuple[LogReport, ...]
    """What is damaged, missing, of an unknown format, not to be read, or torn and not to be cut, and was left alone."""
    manifest: Path | None
    """The original of a manifest whose tail was cut."""
    added: tuple[str, ...]
    """Sealed logs that the manifest did not name."""


def recover_run(run: RunDirectory, *, rebuild: bool = False) -> RunRecovery:
    """Cut torn tails of logs and manifest, and name in the manifest what is sealed. `rebuild`: begin the manifest anew.

    Raises LogLocked while the run goes on, LogDamaged for a manifest that is damaged, unless it is to be rebuilt.
    """
    manifest, original, said = _open_manifest(run, rebuild=rebuild)
    try:
        recovered, refused = [], []
        may_be_sealed = _keep(manifest, run, said)
        for report in run.verify():
            if report.condition == "torn" and report.kind == "log" and may_be_sealed:
                refused.append(_uncut(report, original))
            elif report.condition == "torn" and report.kind == "log":
                try:
                    done = recover(Path(report.file), disk=run.disk)
                except StoreUnwritable as error:
                    refused.append(attrs.evolve(report, problem=str(error)))
                    continue
                if done.original is not None:
                    recovered.append(done)
            elif report.condition in {"damaged", "missing", "incompatible", "unreadable"}:
                refused.append(report)
        added = list(_complete(manifest, run, refused))
    finally:
        manifest.close()
    return RunRecovery(recovered=tuple(recovered), refused=tuple(refused), manifest=original, added=tuple(added))


def _keep(manifest: Manifest, run: RunDirectory, said: tuple[Salvaged, ...]) -> bool:
    """Name anew the logs that were sealed and are not any more. Says whether lines were lost that may name others."""
    lost = False
    for line in said:
        log = None if line.entry is None else run.path / line.entry.path
        if line.entry is None or log is None or not run.disk.exists(log):
            # A whole line whose log is gone is what rebuilding forgets; of any other it is not known what it named.
            lost = lost or not line.fits
        elif line.fits or verify(log, disk=run.disk).condition != "sealed":
            manifest.append(line.entry)
    return lost


def _complete(manifest: Manifest, run: RunDirectory, refused: list[LogReport]) -> Iterator[str]:
    """Name in the manifest what is sealed and not in it, and say which that was. What has no entry joins `refused`."""
    named = {entry.path for entry in read_manifest(manifest.path, disk=run.disk)}
    wrong = {report.file for report in refused}
    # What can not be listed was reported before.
    for log in run.logs(refused=lambda _: None):
        name = str(log.relative_to(run.path))
        if name in named or str(log) in wrong:
            continue
        try:
            entry = entry_of(log, name, disk=run.disk)
        except StoreError as error:
            # What only decoding finds wrong, `verify` does not.
            refused.append(problem_of("log", error, str(run.path)))
            continue
        if entry is not None:
            manifest.append(entry)
            yield name


def _uncut(report: LogReport, original: Path | None) -> LogReport:
    told = f"it was not cut: a line that {original} lost may have said that it was sealed; {report.problem}"
    return attrs.evolve(report, problem=told)


def entry_of(log: Path, name: str, *, disk: Disk = REAL_DISK) -> Entry | None:
    """The manifest's line for a log; None when it has no Done. Raises StoreError for what is no intact episode."""
    facts: list[Event] = []
    last = None
    for last in read_records(log, disk=disk) if disk.exists(log) and not _empty(log, disk) else ():
        if last.type in {"episode_started", "test_run", "done"}:
            facts.append(event_of(last, log))
    if last is None or not isinstance(done := facts[-1] if facts else None, Done) or last.type != "done":
        return None
    if not isinstance(header := facts[0], EpisodeStarted):
        raise LogDamaged(str(log), "the first event is not EpisodeStarted", line=1, byte=0)
    grade = grade_of(event for event in facts if isinstance(event, TestRun))
    verdict = None if grade is None else passed(grade)
    return Entry(
        at=last.at,
        episode=header.episode,
        path=name,
        task=header.task,
        sample=header.sample,
        attempt=header.attempt,
        events=last.seq + 1,
        head=last.chain,
        semantic_digest=last.state,
        summary={"reason": done.reason, "turns": done.counts.turns, "passed": verdict},
        step=header.step,
        group=header.task if header.group is None else header.group,
    )


def _empty(log: Path, disk: Disk) -> bool:
    with disk.read(log) as stream:
        return not stream.read(1)


def _is_no_file(path: Path, disk: Disk) -> bool:
    """A folder or a pipe is there, which nobody can have locked, and which can not be copied."""
    try:
        disk.read(path).close()
    except OSError as error:
        return error.strerror == NOT_A_FILE
    return False


def _moved_aside(path: Path, disk: Disk) -> Path:
    names = (path.with_name(path.name + ".torn" + (f".{number}" if number else "")) for number in itertools.count())
    target = next(each for each in names if not disk.exists(each))
    try:
        disk.rename(path, target)
        disk.sync_directory(path.parent)
    except OSError as error:
        raise StoreUnwritable(str(path), f"can not be moved aside: {error.strerror}") from error
    return target


def _open_manifest(run: RunDirectory, *, rebuild: bool) -> tuple[Manifest, Path | None, tuple[Salvaged, ...]]:
    """Also the original of one that was cut, and what one that is rebuilt said."""
    path = run.path / "manifest.jsonl"
    keep, is_torn = 0, False
    if rebuild and _is_no_file(path, run.disk):
        # As if it were gone.
        original = _moved_aside(path, run.disk)
        return run.manifest(), original, ()
    try:
        manifest = run.manifest()
    except LogTorn as torn:
        keep, is_torn = torn.byte or 0, True
    except LogDamaged as damage:
        if not rebuild:
            message = "`coding-agent recover DIR --rebuild` writes it anew from the logs and keeps the original"
            raise LogDamaged(
                str(path),
                f"{damage.what}; {message}, but can not know which logs are gone",
                line=damage.line,
                byte=damage.byte,
            ) from damage
    else:
        if not rebuild:
            return manifest, None, ()
        manifest.close()
    fd = run.disk.open(path)
    lock(run.disk, fd, path)
    try:
        said = () if is_torn else tuple(salvage(path, disk=run.disk))
        original = cut_tail(run.disk, fd, path, keep=keep)
    finally:
        release(run.disk, fd)
    return run.manifest(), original, said
