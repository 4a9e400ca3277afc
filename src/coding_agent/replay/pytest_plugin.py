"""A pytest plugin: `pytest --coding-agent-replays replays/` makes a test of each golden episode in a folder.

Without the option it adds nothing but the fixture `recorded_episode`, and imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from coding_agent.replay.episode import RecordedEpisode
    from coding_agent.replay.golden import Finding

OPTION = "--coding-agent-replays"
MARKER = "coding_agent_replay"
CATEGORIES = ("create", "fix", "trim")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("coding-agent", "recorded episodes as tests")
    group.addoption(
        OPTION, action="append", default=[], metavar="DIR", type=Path,
        help="Verify, replay and project each log of this folder. May be given again.",
    )  # fmt: skip
    group.addoption(
        "--coding-agent-accept", choices=CATEGORIES, default=None,
        help="Accept what changed: `create` writes missing expectations, `fix` changed ones (and new logs where the "
        "code diverged), `trim` removes expectations without a log.",
    )  # fmt: skip
    group.addoption(
        "--coding-agent-reason", default="", metavar="TEXT",
        help="Why what changed is right; `--coding-agent-accept fix` needs it and keeps it in the expectation.",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("coding_agent_accept") and not config.getoption("coding_agent_replays"):
        raise pytest.UsageError("--coding-agent-accept: of which folder? Add --coding-agent-replays DIR")
    if config.getoption("coding_agent_accept") == "fix" and not config.getoption("coding_agent_reason").strip():
        raise pytest.UsageError("--coding-agent-accept fix: why is the change right? Add --coding-agent-reason TEXT")
    config.addinivalue_line("markers", f"{MARKER}: a recorded episode, verified, replayed and projected")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    for folder in dict.fromkeys(config.getoption("coding_agent_replays")):
        items += _items(session, folder)


def _names(folder: Path) -> set[str]:
    """Of the golden episodes in a folder. Raises UsageError where there can be none."""
    from coding_agent.errors import StoreUnreadable  # noqa: PLC0415  only when there is something to replay
    from coding_agent.replay.expected import SUFFIX  # noqa: PLC0415
    from coding_agent.replay.places import logs_elsewhere  # noqa: PLC0415
    from coding_agent.store.listing import logs_in, names_in  # noqa: PLC0415
    from coding_agent.store.rundir import run_of  # noqa: PLC0415

    if not folder.is_dir():
        raise pytest.UsageError(f"{OPTION}: expected a folder of logs, found {folder}")
    run = folder if (folder / "run.toml").is_file() else run_of(folder / "any.jsonl")
    if run is not None:
        raise pytest.UsageError(
            f"{OPTION}: {folder} is (part of) a run directory, and its episodes are no golden ones; keep those that "
            f"you choose, `coding-agent record {run / 'episodes'}/…/0.0.jsonl --to golden`, and give {OPTION} golden"
        )
    try:
        names = {log.name.removesuffix(".jsonl") for log in logs_in(folder)}
        names |= {each.name.removesuffix(SUFFIX) for each in names_in(folder) if each.name.endswith(SUFFIX)}
    except StoreUnreadable as error:
        raise pytest.UsageError(f"{OPTION}: {error}") from error
    if not names:
        raise pytest.UsageError(f"{OPTION}: there is no log in {folder}{logs_elsewhere(folder)}")
    return names


def _items(session: pytest.Session, folder: Path) -> Sequence[pytest.Item]:
    names = _names(folder)
    logs = [folder / f"{name}.jsonl" for name in sorted(names)]
    items: list[pytest.Item] = [
        ReplayItem.from_parent(session, name=str(log), nodeid=str(log), log=log) for log in logs
    ]
    if (blobs := folder / "blobs").is_dir():
        items.append(BlobsItem.from_parent(session, name=str(blobs), nodeid=str(blobs), folder=folder))
    return items


class ReplayItem(pytest.Item):
    """One golden episode."""

    def __init__(self, *, log: Path, **named: Any) -> None:
        super().__init__(**named)
        self.log = log
        self.add_marker(MARKER)

    def runtest(self) -> None:
        from coding_agent.replay.accept import accept  # noqa: PLC0415  only when a replay is run
        from coding_agent.replay.golden import check  # noqa: PLC0415

        finding = check(self.log)
        if finding is None:
            return
        category = self.config.getoption("coding_agent_accept")
        reason = self.config.getoption("coding_agent_reason")
        done = accept(self.log, finding, category, reason=reason) if category else None
        if done is None:
            raise ReplayFailed(finding)
        self.add_report_section("call", "accepted", done)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from coding_agent.errors import CodingAgentError  # noqa: PLC0415  only when a replay has failed

        if isinstance(excinfo.value, ReplayFailed | CodingAgentError | OSError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.log, None, ""


class BlobsItem(pytest.Item):
    """The blobs of a folder: each is of some log, or it is trimmed."""

    def __init__(self, *, folder: Path, **named: Any) -> None:
        super().__init__(**named)
        self.folder = folder
        self.add_marker(MARKER)

    def runtest(self) -> None:
        from coding_agent.replay.golden import orphans  # noqa: PLC0415  only when a replay is run

        unused = orphans(self.folder)
        if self.config.getoption("coding_agent_accept") == "trim":
            for name in unused:
                (self.folder / "blobs" / name).unlink()
        elif unused:
            pytest.fail(
                f"no log names {', '.join(unused)} in {self.folder / 'blobs'}; accept `trim` removes them", False
            )

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.folder / "blobs", None, ""


class ReplayFailed(Exception):
    """A golden episode is not what it was."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.problem}: {finding.text}")


@pytest.fixture(scope="session")
def recorded_episode() -> Callable[[str | Path], RecordedEpisode]:
    """`recorded_episode("replays/ep123.jsonl")`: a recorded episode, verified and replayed, with its projections."""
    from coding_agent.errors import StoreError  # noqa: PLC0415  only when it is asked for
    from coding_agent.replay.episode import load_recorded  # noqa: PLC0415
    from coding_agent.store.rundir import advice_about  # noqa: PLC0415

    def load(path: str | Path) -> RecordedEpisode:
        try:
            return load_recorded(path)
        except StoreError as error:
            told = f"recorded_episode: {error}\n  next: {advice_about(error).text}"
        except AssertionError as error:
            told = str(error)
        if not Path(path).exists():
            told = f"recorded_episode: there is no {path} below {Path.cwd()}, where pytest was started"
        pytest.fail(told, pytrace=False)

    return load
