"""The values that events are made of: messages, calls, changes to files, limits.

Frozen, keyword-only, and free of any knowledge of how they are written down (see `codec`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from coding_agent.events.kinds import Derived, Given, Observed

JSON = Any
"""A JSON value: None, bool, int within ±2^53, finite float, str, list of JSON, dict of str to JSON."""

JSONObject = Mapping[str, JSON]
Role = Literal["system", "user", "assistant", "tool"]


@attrs.frozen(kw_only=True)
class ModelToolCall:
    """One tool call as a model wrote it: arguments are kept as the raw string, parsed or not."""

    id: Given[str]
    """The id that the model's server gave; may be empty or repeated, so it is never used as a key."""
    name: Given[str]
    raw: Given[str]
    """The arguments exactly as returned."""
    arguments: Derived[dict[str, JSON] | None] = None
    """What `raw` parses to, or None with `error` set."""
    error: Derived[str | None] = None
    """Why `raw` is not a JSON object."""


@attrs.frozen(kw_only=True)
class Message:
    """One message of a conversation, in the shape of OpenAI chat completions."""

    role: Given[Role]
    content: Given[str | None] = None
    calls: Given[tuple[ModelToolCall, ...]] = ()
    """Assistant messages only."""
    call_id: Given[str | None] = None
    """Tool messages only: the `id` of the call that this answers, as the model wrote it."""
    extra: Given[dict[str, JSON]] = attrs.field(factory=dict)
    """Assistant messages only: further fields as the server returned them (`reasoning_content` …)."""


@attrs.frozen(kw_only=True)
class ToolSchema:
    """A tool as a policy is told of it. `parameters` is a JSON Schema object."""

    name: Given[str]
    description: Given[str]
    parameters: Given[dict[str, JSON]]


@attrs.frozen(kw_only=True)
class Limits:
    """What ends an episode that does not end itself. None means no such limit."""

    turns: Given[int] = 40
    """Model turns."""
    tokens: Given[int | None] = None
    """Prompt plus completion tokens of all turns, as the policy's server counts them."""
    seconds: Given[float] = 900.0
    """Wall-clock seconds from set-up to the last turn; not waiting in line for a sandbox; grading has its own."""
    no_call_turns: Given[int] = 3
    """Consecutive turns without a tool call before the episode ends; each earlier one is answered by a reminder."""
    command_s: Given[float] = 60.0
    """Wall-clock seconds of one `run_command`."""
    test_s: Given[float] = 60.0
    """Wall-clock seconds of one test run, graded ones included."""
    output_bytes: Given[int] = 16384
    """Bytes of one command's output that a policy is shown; the middle is dropped."""


@attrs.frozen(kw_only=True)
class Conversation:
    """How the conversation is projected from the log: a strategy's name and its parameters."""

    strategy: Given[str] = "full"
    parameters: Given[dict[str, JSON]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Parent:
    """Where a forked episode left its parent."""

    episode: Given[str]
    seq: Given[int]
    chain: Given[str]


@attrs.frozen(kw_only=True)
class FileContent:
    """A whole file: UTF-8 `text`, else `base64`, else a `blob` of the run directory. A symlink's target is `text`."""

    executable: Given[bool] = False
    symlink: Given[bool] = False
    text: Given[str | None] = None
    base64: Given[str | None] = None
    blob: Given[str | None] = None


@attrs.frozen(kw_only=True)
class FileChange:
    """The state of one path after a call that changed it.

    `add` and `modify` carry the whole content, `symlink` its target in `text`, `delete` nothing, `mode` only the
    executable bit. Content is UTF-8 `text`, else `base64`, else a `blob` of the run directory named by its SHA-256.
    """

    path: Given[str]
    """Relative to /workspace, `/`-separated; bytes that are not UTF-8 are escaped by `text.escape`."""
    kind: Given[Literal["add", "modify", "delete", "mode", "symlink"]]
    executable: Given[bool] = False
    text: Given[str | None] = None
    base64: Given[str | None] = None
    blob: Given[str | None] = None
    before: Given[FileContent | None] = None
    """What the task had at this path, recorded at its first change only, so that a diff needs nothing but the log."""


@attrs.frozen(kw_only=True)
class Changes:
    """The effect of one call on the workspace, and the digest of the whole tree afterwards."""

    files: Given[tuple[FileChange, ...]] = ()
    """Sorted by path."""
    tree: Given[str]
    """SHA-256 over path, type, executable bit and content of every file; caches are left out (`sandbox.tree`)."""


@attrs.frozen(kw_only=True)
class Dropped:
    """What truncation took out of a text."""

    bytes: Given[int]
    """How many bytes are not shown."""
    sha256: Given[str]
    """Of the whole text before truncation."""


@attrs.frozen(kw_only=True)
class Usage:
    """Tokens of one model turn, as the policy's server counts them; 0 when it does not."""

    prompt_tokens: Given[int] = 0
    completion_tokens: Given[int] = 0


@attrs.frozen(kw_only=True)
class TokenRecord:
    """The exact tokens of one turn. This turn's prompt is the first `shared` ids of turn `base_turn`'s prompt plus
    completion, then `prompt_ids`."""

    base_turn: Given[int | None] = None
    shared: Given[int] = 0
    prompt_ids: Given[tuple[int, ...]]
    completion_ids: Given[tuple[int, ...]]
    logprobs: Given[tuple[float | str, ...]] = ()
    """Natural log, one per completion id; a non-finite value is the string `-inf`, `inf` or `nan`."""
    weight_version: Given[str | None] = None
    tokenizer: Given[str | None] = None
    """Digest of tokenizer and chat template."""
    arguments: Given[tuple[int, ...]] = ()
    """First and after-last index into `completion_ids` of the executed call's arguments; empty when not known."""


@attrs.frozen(kw_only=True)
class Mixture:
    """Which of two policies acted, and by what draw (Ross et al. 2011)."""

    schedule: Given[str]
    beta: Given[float]
    draw: Given[float]
    student: Given[str]
    teacher: Given[str]


@attrs.frozen(kw_only=True)
class Frame:
    """One step of a failing test's traceback inside the workspace."""

    file: Given[str]
    line: Given[int]
    function: Given[str]


Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]


@attrs.frozen(kw_only=True)
class TestFailure:
    """One failing test, or one file that could not be collected."""

    __test__ = False

    test: Given[str]
    file: Given[str]
    line: Given[int]
    exception: Given[str]
    """Class name of the exception."""
    message: Given[str]
    """One line, memory addresses replaced."""
    frames: Given[tuple[Frame, ...]] = ()
    """Outermost first, frames outside the workspace left out."""


@attrs.frozen(kw_only=True)
class SandboxInfo:
    """What the sandbox of this host is and promised. Observational: no projection may depend on it."""

    kind: Observed[str]
    promises: Observed[tuple[str, ...]] = ()
    lacks: Observed[tuple[str, ...]] = ()


@attrs.frozen(kw_only=True)
class Counts:
    """What an episode did, counted from its events."""

    turns: Derived[int]
    tool_calls: Derived[int]
    test_runs: Derived[int]
    prompt_tokens: Derived[int]
    completion_tokens: Derived[int]
