"""The typed events of an episode: what happened, in the order it happened, never changed afterwards.

An episode is `EpisodeStarted`, then turns, then `Done`. Every byte that a policy was shown and every fact that a
reward needs is in these classes. `kinds` says what Derived, Given and Observed mean; `log` says which event may follow
which; `codec` how they are written.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs

from coding_agent.events.kinds import Derived, Given, Observed
from coding_agent.events.values import (
    JSON,
    Changes,
    Conversation,
    Counts,
    Dropped,
    Limits,
    Message,
    Mixture,
    ModelToolCall,
    Outcome,
    Parent,
    SandboxInfo,
    TestFailure,
    TokenRecord,
    ToolSchema,
    Usage,
)

FORMAT = 1
"""The format version that this release writes."""

DoneReason = Literal[
    "submitted", "blocked", "turn_limit", "token_limit", "time_limit", "context_limit", "no_tool_call",
    "policy_error", "infra_error", "cancelled",
]  # fmt: skip
StopCause = Literal["time_limit", "context_limit", "policy_error", "infra_error", "cancelled"]
ToolOutcome = Literal["ok", "error", "denied", "timeout", "interrupted"]
NoticeKind = Literal["reminder", "not_executed", "budget", "plan", "memory"]


@attrs.frozen(kw_only=True)
class EpisodeStarted:
    """Always first: everything that decides what the episode is. Nothing host-specific is semantic."""

    format: Given[int] = FORMAT
    episode: Given[str]
    task: Given[str]
    task_digest: Given[str]
    sample: Given[int]
    attempt: Given[int]
    seed: Given[int]
    messages: Given[tuple[Message, ...]]
    """The opening messages, verbatim."""
    tools: Given[tuple[ToolSchema, ...]]
    prompt_version: Given[str]
    conversation: Given[Conversation]
    limits: Given[Limits]
    policy: Given[str]
    """The policy's spec: how it was constructed."""
    privileged: Given[bool] = False
    """The policy was given a secret of the task (gold patch, hidden tests); exports refuse it as agent data."""
    tree: Given[str]
    """Digest of the workspace before the first turn."""
    parent: Given[Parent | None] = None
    sandbox: Observed[SandboxInfo]
    harness: Observed[str]
    """Version and commit of this package."""
    step: Observed[int | None] = None
    """The training step that the episode was played for, from 0."""
    group: Observed[str | None] = None
    """Names the episodes whose rewards are compared with each other: samples of one prompt in one step."""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class ModelTurn:
    """One assistant message, exactly as returned, and what it was an answer to."""

    turn: Derived[int]
    """From 1."""
    request_digest: Derived[str]
    """SHA-256 of the canonical bytes of the messages and tools that the policy was shown."""
    actor: Given[str] = "policy"
    content: Given[str | None]
    calls: Given[tuple[ModelToolCall, ...]] = ()
    extra: Given[dict[str, JSON]] = attrs.field(factory=dict)
    """Further fields of the assistant message (`reasoning_content` …), kept so that it can be sent back as it was."""
    finish_reason: Given[str | None] = None
    truncated: Given[bool] = False
    """The completion was cut by a length limit, whatever `finish_reason` claims."""
    sampling: Given[dict[str, JSON]] = attrs.field(factory=dict)
    usage: Given[Usage] = attrs.field(factory=Usage)
    tokens: Given[TokenRecord | None] = None
    mixture: Given[Mixture | None] = None
    retries: Observed[int] = 0
    latency_s: Observed[float | None] = None
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class ToolCall:
    """A call that is about to run. Appended first, so a crash leaves a visible unanswered call."""

    call: Derived[str]
    """`turn.index`, for example `3.0`."""
    tool: Derived[str]
    arguments: Derived[dict[str, JSON]]


@attrs.frozen(kw_only=True)
class ToolResult:
    """The answer to one call: what the policy sees, and what it did to the workspace."""

    call: Derived[str]
    outcome: Given[ToolOutcome]
    text: Given[str]
    dropped: Given[Dropped | None] = None
    changes: Given[Changes | None] = None
    """None for a call that cannot change anything, and for `run_tests`, whose TestRun has them."""
    latency_s: Observed[float | None] = None
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class TestRun:
    """One run of tests: the agent's own, or the grade."""

    __test__: ClassVar[bool] = False

    purpose: Derived[Literal["agent", "grade"]]
    call: Derived[str | None] = None
    """The `run_tests` call that asked for it; None when grading."""
    command: Given[tuple[str, ...]]
    expected: Given[tuple[str, ...]] = ()
    """The test ids that must pass, when grading."""
    outcomes: Given[dict[str, Outcome]]
    """Per test id, in the order in which they ran."""
    exit_status: Given[int | None]
    """As seen by the runtime; negative is a signal; None when it was killed for time."""
    timed_out: Given[bool] = False
    running: Given[str | None] = None
    """The test that was running when the run ended early."""
    failures: Given[tuple[TestFailure, ...]] = ()
    output: Given[str] = ""
    """The end of what was printed, kept only when the run produced no outcomes to explain itself."""
    tampering: Given[tuple[str, ...]] = ()
    """What of the agent's work was undone or looked like a lie, one line each."""
    test_digests: Given[dict[str, str]] = attrs.field(factory=dict)
    """SHA-256 per test file that ran."""
    tree: Given[str]
    """Digest of the tree that was tested."""
    sentinel: Given[str | None] = None
    """What the test that must fail did when grading; anything but `failed` says that the run can not be believed."""
    changes: Given[Changes | None] = None
    """What the run itself left behind in the agent's workspace; None when grading."""
    latency_s: Observed[float | None] = None
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class Notice:
    """What the harness tells the policy, verbatim."""

    kind: Derived[NoticeKind]
    text: Derived[str]
    call: Derived[str | None] = None
    """The call that was not executed, so that each call id has its answer."""


@attrs.frozen(kw_only=True)
class Label:
    """What an expert would do in a state that was visited. `decide` ignores it."""

    turn: Given[int]
    labeller: Given[str]
    request_digest: Given[str]
    content: Given[str | None]
    calls: Given[tuple[ModelToolCall, ...]] = ()
    tokens: Given[TokenRecord | None] = None
    usage: Given[Usage] = attrs.field(factory=Usage)
    latency_s: Observed[float | None] = None


@attrs.frozen(kw_only=True)
class Stopped:
    """An external cause ended the episode. Recorded before grading; `Done.reason` is derived from it."""

    cause: Given[StopCause]
    stage: Given[str]
    """`set-up`, `policy`, `tool` or `grade`."""
    detail: Given[str] = ""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class Resumed:
    """The episode went on here, in the same file, after a crash."""

    at_seq: Observed[int]
    harness: Observed[str]


@attrs.frozen(kw_only=True)
class Done:
    """Always last. The log is sealed."""

    reason: Derived[DoneReason]
    summary: Derived[str] = ""
    """The agent's own words at submission."""
    counts: Derived[Counts]


Event = EpisodeStarted | ModelTurn | ToolCall | ToolResult | TestRun | Notice | Label | Stopped | Resumed | Done

WIRE_NAMES: dict[type[Event], str] = {
    EpisodeStarted: "episode_started",
    ModelTurn: "model_turn",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
    TestRun: "test_run",
    Notice: "notice",
    Label: "label",
    Stopped: "stopped",
    Resumed: "resumed",
    Done: "done",
}
"""Stable names on the wire; a class may be renamed, a wire name never."""
