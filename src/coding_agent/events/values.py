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
    """The tool's name as the model wrote it; it need not exist."""
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
    """Who speaks."""
    content: Given[str | None] = None
    """None only where an assistant calls tools without a word."""
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
    """What a call names."""
    description: Given[str]
    """What the policy is told of it."""
    parameters: Given[dict[str, JSON]]
    """JSON Schema of the arguments, generated from the tool's own definition."""


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
    """`full`: every message of the episode, nothing left out."""
    parameters: Given[dict[str, JSON]] = attrs.field(factory=dict)
    """Of the strategy; `full` has none."""


@attrs.frozen(kw_only=True)
class Parent:
    """Where a forked episode left its parent."""

    episode: Given[str]
    """The parent's id."""
    seq: Given[int]
    """The last event that both have in common."""
    chain: Given[str]
    """The chain of that event's line, which names the parent's bytes until there and no others."""


@attrs.frozen(kw_only=True)
class FileContent:
    """A whole file: UTF-8 `text`, else `base64`, else a `blob` of the run directory. A symlink's target is `text`."""

    executable: Given[bool] = False
    """The owner's executable bit; no other mode is kept."""
    symlink: Given[bool] = False
    """`text` is where it points to."""
    text: Given[str | None] = None
    """Up to 64 KiB of UTF-8."""
    base64: Given[str | None] = None
    """Up to 64 KiB of anything else."""
    blob: Given[str | None] = None
    """SHA-256 of a larger content, its name in the run directory's `blobs/`."""


@attrs.frozen(kw_only=True)
class FileChange:
    """The state of one path after a call that changed it.

    `add` and `modify` carry the whole content, `symlink` its target in `text`, `delete` nothing, `mode` only the
    executable bit. Content is UTF-8 `text`, else `base64`, else a `blob` of the run directory named by its SHA-256.
    """

    path: Given[str]
    """Relative to /workspace, `/`-separated; bytes that are not UTF-8 are escaped by `text.escape`."""
    kind: Given[Literal["add", "modify", "delete", "mode", "symlink"]]
    """What became of the path."""
    executable: Given[bool] = False
    """The owner's executable bit after the call."""
    text: Given[str | None] = None
    """Up to 64 KiB of UTF-8, or where a symlink points to."""
    base64: Given[str | None] = None
    """Up to 64 KiB of anything else."""
    blob: Given[str | None] = None
    """SHA-256 of a larger content, its name in the run directory's `blobs/`."""
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
    """Of everything that was sent."""
    completion_tokens: Given[int] = 0
    """Of the answer, reasoning included where the server counts it."""


@attrs.frozen(kw_only=True)
class TokenRecord:
    """The exact tokens of one turn. This turn's prompt is the first `shared` ids of turn `base_turn`'s prompt plus
    completion, then `prompt_ids`."""

    base_turn: Given[int | None] = None
    """The earlier turn that this prompt continues, so that ids are not written twice; None: `prompt_ids` is all."""
    shared: Given[int] = 0
    """How many ids of that turn's prompt plus completion this prompt begins with."""
    prompt_ids: Given[tuple[int, ...]]
    """The ids after the shared ones."""
    completion_ids: Given[tuple[int, ...]]
    """The ids that were sampled: what is trained on."""
    logprobs: Given[tuple[float | str, ...]] = ()
    """Natural log, one per completion id; a non-finite value is the string `-inf`, `inf` or `nan`."""
    weight_version: Given[str | None] = None
    """Of the model that sampled them: how far off-policy a trainer's update is."""
    tokenizer: Given[str | None] = None
    """Digest of tokenizer and chat template."""
    arguments: Given[tuple[int, ...]] = ()
    """First and after-last index into `completion_ids` of the executed call's arguments; empty when not known."""


@attrs.frozen(kw_only=True)
class Mixture:
    """Which of two policies acted, and by what draw (Ross et al. 2011)."""

    schedule: Given[str]
    """How β changes, by name and parameters."""
    beta: Given[float]
    """The probability that the teacher acts, at this turn."""
    draw: Given[float]
    """Uniform from 0 to 1, from the episode's seed and the turn; below `beta` the teacher acts."""
    student: Given[str]
    """Spec and version of the student."""
    teacher: Given[str]
    """Spec and version of the teacher."""


@attrs.frozen(kw_only=True)
class Frame:
    """One step of a failing test's traceback inside the workspace."""

    file: Given[str]
    """Relative to /workspace."""
    line: Given[int]
    """From 1; 0 when unknown."""
    function: Given[str]
    """The function's name, or `<module>`."""


Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]


@attrs.frozen(kw_only=True)
class TestFailure:
    """One failing test, or one file that could not be collected."""

    __test__ = False

    test: Given[str]
    """The test's id, or the file that could not be collected."""
    file: Given[str]
    """Where it failed, relative to /workspace: the innermost frame inside it, else the test's own file."""
    line: Given[int]
    """From 1; 0 when unknown."""
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
    """The backend's name."""
    promises: Observed[tuple[str, ...]] = ()
    """What it isolates and limits, by name; `coding-agent doctor` tries each."""
    lacks: Observed[tuple[str, ...]] = ()
    """What it does not."""


@attrs.frozen(kw_only=True)
class Counts:
    """What an episode did, counted from its events."""

    turns: Derived[int]
    """Model turns."""
    tool_calls: Derived[int]
    """Calls that were executed or denied; those answered by a notice are not among them."""
    test_runs: Derived[int]
    """The agent's own; the grade is not among them."""
    prompt_tokens: Derived[int]
    """Over all turns; a prefix that is sent again counts again."""
    completion_tokens: Derived[int]
    """Over all turns."""
