"""What a sandbox is: one workspace, behind one resident runtime, reached through one protocol.

Every backend (`bubblewrap`, `container`, `local`) starts the same `runtime/` program and speaks to it through
`channel`, so this file is all that tools, grading and replay ever see. It knows nothing of events, tasks or tools:
paths and bytes only.

Paths are `str`, relative to the workspace, `/`-separated; bytes that are not UTF-8 are surrogate-escaped as by
`os.fsdecode`. The workspace is called `/workspace` in every text that a sandbox returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import attrs

from coding_agent.errors import CodingAgentError

WORKSPACE = "/workspace"

RefusalCode = Literal[
    "not_found", "is_directory", "not_directory", "symlink", "outside", "git_dir", "special_file",
    "too_large", "exists", "changed", "no_space", "bad_name", "bad_pattern", "permission",
]  # fmt: skip


class Refused(CodingAgentError):
    """The request can not be carried out, for a reason that the agent can see and mend. Nothing was changed."""

    def __init__(self, code: RefusalCode, path: str, detail: str = "") -> None:
        self.code: RefusalCode = code
        self.path, self.detail = path, detail
        super().__init__(f"{path}: {code}" + (f" ({detail})" if detail else ""))


class TooMuchChanged(CodingAgentError):
    """A call changed more than a log can record. The episode ends by name; nothing is cut silently."""


@attrs.frozen(kw_only=True)
class SandboxSpec:
    """The size of one sandbox. Sizes in bytes, times in seconds."""

    memory_bytes: int = 1 << 30
    """Address space per process."""
    all_memory_bytes: int = 1 << 30
    """What the processes of one call may hold together, what they share counted once; files in memory have sizes of
    their own."""
    workspace_bytes: int = 256 << 20
    tmp_bytes: int = 64 << 20
    processes: int = 128
    file_bytes: int = 128 << 20
    """Largest file that a process may write."""
    open_files: int = 256
    cpu_s: int = 120
    """CPU seconds per process, over and above each call's own wall-clock timeout."""


@attrs.frozen(kw_only=True)
class PathChange:
    """The new state of one path. `data` is the whole content (`add`, `modify`) or the target (`symlink`)."""

    path: str
    kind: Literal["add", "modify", "delete", "mode", "symlink"]
    data: bytes | None = None
    executable: bool = False


@attrs.frozen(kw_only=True)
class ChangeSet:
    """What differs from the state after the last `apply`, `edit` or `changes`; and the digest of the whole tree."""

    files: tuple[PathChange, ...]
    """Sorted by path."""
    tree: str
    """SHA-256, hexadecimal; `runtime/tree.py` specifies the bytes."""


@attrs.frozen(kw_only=True)
class PathEdit:
    """One path of an all-or-nothing edit. `data` None deletes the file."""

    path: str
    data: bytes | None
    executable: bool | None = None
    """None keeps what is there (False for a new file)."""
    expected_sha256: str | None = None
    """Of the content that the edit was computed from; None: the path must not exist; `any`: no precondition."""


@attrs.frozen(kw_only=True)
class FileRead:
    """A regular file's content, up to the `max_bytes` asked for."""

    data: bytes
    size: int
    sha256: str
    """Of the whole file."""
    executable: bool


@attrs.frozen(kw_only=True)
class Entry:
    """One line of a listing. `size` is in bytes for files, the number of entries for directories, -1 for those
    that were descended into."""

    path: str
    kind: Literal["file", "directory", "symlink", "special"]
    size: int
    target: str = ""


@attrs.frozen(kw_only=True)
class Listing:
    """Entries in tree order: within a directory, directories first, then files, each sorted by name."""

    entries: tuple[Entry, ...]
    omitted: int
    """Entries that were not listed because of `max_entries`."""


@attrs.frozen(kw_only=True)
class Match:
    """One matching line. `line` counts from 1."""

    path: str
    line: int
    text: str


@attrs.frozen(kw_only=True)
class SearchResult:
    """Matches sorted by path, then line."""

    matches: tuple[Match, ...]
    omitted: int
    timed_out: bool = False


@attrs.frozen(kw_only=True)
class ExecResult:
    """One finished command. `head` and `tail` are the kept ends of stdout and stderr, merged as they were written."""

    head: bytes
    tail: bytes
    total_bytes: int
    sha256: str
    """Of everything that was written."""
    exit_status: int | None
    """Negative: killed by that signal. None: killed for time."""
    timed_out: bool


@attrs.frozen(kw_only=True)
class TestFrame:
    __test__ = False

    file: str
    line: int
    function: str


@attrs.frozen(kw_only=True)
class TestCaseFailure:
    """A failing test, or (with `test` the file) a file that could not be collected."""

    __test__ = False

    test: str
    file: str
    line: int
    exception: str
    message: str
    """One line; memory addresses replaced by `0x...`."""
    frames: tuple[TestFrame, ...] = ()


@attrs.frozen(kw_only=True)
class TestReport:
    """What the runtime saw of one test run."""

    __test__ = False

    outcomes: Mapping[str, str]
    """Test id → passed, failed, error, skipped, xfailed, xpassed; in running order."""
    failures: tuple[TestCaseFailure, ...]
    exit_status: int | None
    """Of the test process, from the runtime's own `wait`; negative is a signal, None: killed for time."""
    timed_out: bool
    running: str | None
    """The test that was running when the run ended early, if any."""
    output: str
    """The last 4 KiB that the run printed; kept only when there are no outcomes or the run ended early."""
    digests: Mapping[str, str]
    """SHA-256 per collected test file, read before anything ran."""
    sentinel: str | None = None
    """What the test that must fail did, in a graded run: `failed`, else something lied; `missing`: it never ran."""
    forged: int = 0
    """Lines on the result channel that the reporter did not write."""


@attrs.frozen(kw_only=True)
class Grading:
    """What a graded run is given over an agent's own."""

    protect: tuple[str, ...] = ()
    """Files and folders that are read-only while it runs, where the backend isolates file systems."""
    across: tuple[str, ...] = ()
    """Modules of the workspace whose functions are called in a process of their own."""
    hidden: tuple[str, ...] = ()
    """Files that are empty in that process, where the backend isolates file systems."""
    own: tuple[str, ...] = ()
    """The only files of the workspace that the tests import themselves, where code is called across."""


class Sandbox(Protocol):
    """One live workspace. Not re-entrant: one request at a time.

    Every method may raise `SandboxDied` or `SandboxProtocol` (infrastructure), and where it says so `Refused`.
    A request that is cancelled leaves the sandbox unusable; close it.
    """

    async def apply(self, changes: Sequence[PathChange], *, history: Sequence[PathChange] | None = None) -> str:
        """Bring paths to recorded states, without any check but containment; returns the tree digest.

        Used for the base tree, for resume, fork and grading. What it wrote is not reported by `changes`.
        With `history`, that is applied first, and `.git` is made anew: one commit of what is there then, nothing older.
        """
        ...

    async def read(self, path: str, *, max_bytes: int) -> FileRead:
        """Raises Refused."""
        ...

    async def list(self, path: str, *, depth: int, max_entries: int) -> Listing:
        """Raises Refused."""
        ...

    async def search(
        self, pattern: str, *, path: str, glob: str | None, ignore_case: bool, max_matches: int, timeout_s: float
    ) -> SearchResult:
        """ripgrep's regular expressions. Raises Refused (`bad_pattern`, `not_found` …)."""
        ...

    async def edit(self, edits: Sequence[PathEdit]) -> ChangeSet:
        """All of the edits or none. Raises Refused, also when a symlink is met in any component."""
        ...

    async def exec(self, argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
        """Run in /workspace with stdin closed; on timeout the whole process tree is killed."""
        ...

    async def test(
        self, args: Sequence[str], *, timeout_s: float, output_bytes: int = 4096, grading: Grading | None = None
    ) -> TestReport:
        """Run pytest with these arguments (ids, paths, options) in a process of its own."""
        ...

    async def changes(self) -> ChangeSet:
        """What has happened to the workspace since the last `apply`, `edit` or `changes`."""
        ...


@attrs.frozen(kw_only=True)
class Probe:
    """One promise, tried on this machine."""

    promise: str
    holds: bool
    detail: str = ""
    remedy: str = ""


class SandboxBackend(Protocol):
    """Makes sandboxes of one kind."""

    @property
    def kind(self) -> str: ...

    @property
    def promises(self) -> tuple[str, ...]:
        """What every sandbox of this backend keeps, by name."""
        ...

    @property
    def lacks(self) -> tuple[str, ...]:
        """Isolation that this backend does not give, by name."""
        ...

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Sandbox]:
        """A fresh sandbox with an empty workspace; on exit nothing of it is left. Raises SandboxUnavailable."""
        ...

    async def probe(self) -> tuple[Probe, ...]:
        """Try every promise with a real sandbox. Never raises for a promise that does not hold."""
        ...
