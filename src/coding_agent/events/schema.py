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
    """Version of the log's format; a reader refuses one that it does not know."""
    episode: Given[str]
    """`name.sample.attempt`, the name usually the task's id. No run or host is in it: the same episode, the same id."""
    task: Given[str]
    """The task's id."""
    task_digest: Given[str]
    """SHA-256 of everything that decides what the task is and how it is graded; the gold patch is left out."""
    sample: Given[int]
    """Which of the episodes of this task in the run, from 0."""
    attempt: Given[int]
    """From 0; another one follows an infrastructure failure, or continues what was cancelled."""
    seed: Given[int]
    """Of this episode alone: whatever the policy draws comes from it and the turn. Below 2^53."""
    messages: Given[tuple[Message, ...]]
    """The opening messages, verbatim."""
    tools: Given[tuple[ToolSchema, ...]]
    """Every tool as the policy is told of it, in this order."""
    prompt_version: Given[str]
    """Of the template that the opening messages were made from; the messages themselves are what counts."""
    conversation: Given[Conversation]
    """How later requests are made from the events."""
    limits: Given[Limits]
    """What ends the episode if it does not end itself."""
    policy: Given[str]
    """The policy's spec: how it was constructed."""
    privileged: Given[bool] = False
    """The policy was given a secret of the task (gold patch, hidden tests); exports refuse it as agent data."""
    tree: Given[str]
    """Digest of the workspace before the first turn."""
    parent: Given[Parent | None] = None
    """Where this episode branched off; None for one that began by itself."""
    sandbox: Observed[SandboxInfo]
    """What ran it here; another host may have run it otherwise."""
    harness: Observed[str]
    """Version of this package, its commit where that is known, and the Python that ran it."""
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
    """Who spoke: `policy`, or `student` and `teacher` where two take turns."""
    content: Given[str | None]
    """The text of the message; None when there was none, which is not the same as an empty one."""
    calls: Given[tuple[ModelToolCall, ...]] = ()
    """Every tool call of the message; the first is executed, the others are answered by notices."""
    extra: Given[dict[str, JSON]] = attrs.field(factory=dict)
    """Further fields of the assistant message (`reasoning_content` …), kept so that it can be sent back as it was."""
    finish_reason: Given[str | None] = None
    """As the server claims (`stop`, `length`, `tool_calls` …)."""
    truncated: Given[bool] = False
    """The completion was cut by a length limit, whatever `finish_reason` claims."""
    sampling: Given[dict[str, JSON]] = attrs.field(factory=dict)
    """What was sent besides messages and tools: model, temperature, seed …; empty where nothing is sampled."""
    usage: Given[Usage] = attrs.field(factory=Usage)
    """Tokens of this turn's request and answer."""
    tokens: Given[TokenRecord | None] = None
    """The exact tokens, when the server sends them; training needs them, since text does not give them back."""
    mixture: Given[Mixture | None] = None
    """Why this actor spoke, where two policies are mixed."""
    retries: Observed[int] = 0
    """Requests beyond the first that this turn took."""
    latency_s: Observed[float | None] = None
    """Seconds until the policy answered, retries included."""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class ToolCall:
    """A call that is about to run. Appended first, so a crash leaves a visible unanswered call."""

    call: Derived[str]
    """`turn.index`, for example `3.0`."""
    tool: Derived[str]
    """The tool's name as the policy wrote it, known or not."""
    arguments: Derived[dict[str, JSON]]
    """Parsed; empty when what the policy wrote is no JSON object, which the result then says."""


@attrs.frozen(kw_only=True)
class ToolResult:
    """The answer to one call: what the policy sees, and what it did to the workspace."""

    call: Derived[str]
    """The ToolCall that this answers."""
    outcome: Given[ToolOutcome]
    """`error`: the tool says no; `denied`: it never ran; `interrupted`: nobody knows how far it got."""
    text: Given[str]
    """What the policy is shown, verbatim."""
    dropped: Given[Dropped | None] = None
    """What truncation left out of `text`; None when it is whole."""
    changes: Given[Changes | None] = None
    """None for a call that cannot change anything, and for `run_tests`, whose TestRun has them."""
    latency_s: Observed[float | None] = None
    """Seconds that the tool ran."""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class TestRun:
    """One run of tests: the agent's own, or the grade."""

    __test__: ClassVar[bool] = False

    purpose: Derived[Literal["agent", "grade"]]
    """`agent`: asked for by the policy; `grade`: ours, which decides the verdict."""
    call: Derived[str | None] = None
    """The `run_tests` call that asked for it; None when grading."""
    command: Given[tuple[str, ...]]
    """What ran, as an argument vector."""
    expected: Given[tuple[str, ...]] = ()
    """The test ids that must pass, when grading."""
    outcomes: Given[dict[str, Outcome]]
    """Per test id, in the order in which they ran."""
    exit_status: Given[int | None]
    """As seen by the runtime; negative is a signal; None when it was killed for time."""
    timed_out: Given[bool] = False
    """Killed at the limit of `test_s` seconds."""
    running: Given[str | None] = None
    """The test that was running when the run ended early."""
    failures: Given[tuple[TestFailure, ...]] = ()
    """One per test that failed and per file that could not be collected, parsed; a run tells of 1,000."""
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
    """Seconds from start to report; when grading, with the sandbox's set-up."""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class Notice:
    """What the harness tells the policy, verbatim."""

    kind: Derived[NoticeKind]
    """Why: a reminder to call a tool, a call that was not executed, a budget, a plan, a memory."""
    text: Derived[str]
    """What the policy is shown, verbatim."""
    call: Derived[str | None] = None
    """The call that was not executed, so that each call id has its answer."""


@attrs.frozen(kw_only=True)
class Label:
    """What an expert would do in a state that was visited. `decide` ignores it."""

    turn: Given[int]
    """The turn whose state was labelled: the labeller was shown what the policy was shown."""
    labeller: Given[str]
    """Who, with version."""
    request_digest: Given[str]
    """As in ModelTurn: which request was labelled, so that a label can not be laid to another state."""
    content: Given[str | None]
    """The labeller's text; None when there was none."""
    calls: Given[tuple[ModelToolCall, ...]] = ()
    """The labeller's tool calls; none of them was executed."""
    tokens: Given[TokenRecord | None] = None
    """The label's exact tokens, when its server sends them."""
    usage: Given[Usage] = attrs.field(factory=Usage)
    """What the label cost."""
    latency_s: Observed[float | None] = None
    """Seconds until the labeller answered."""


@attrs.frozen(kw_only=True)
class Stopped:
    """An external cause ended the episode. Recorded before grading; `Done.reason` is derived from it."""

    cause: Given[StopCause]
    """Decides `Done.reason`, and whether there is anything to grade."""
    stage: Given[str]
    """`set-up`, `policy`, `tool` or `grade`."""
    detail: Given[str] = ""
    """In one line, for people: the error, or the limit that was met."""
    redacted: Observed[int] = 0
    """How many times a secret of the harness was taken out of it before it was written."""


@attrs.frozen(kw_only=True)
class Resumed:
    """The episode went on here, in the same file, after a crash.

    The semantic digest counts it, so it is not that of an undisturbed run. Projections are equal, but for measured
    times and the transcript, which says where it was.
    """

    at_seq: Observed[int]
    """The seq of this event: everything before it is an earlier life's."""
    harness: Observed[str]
    """Version of the package that went on, its commit where that is known, and the Python that ran it."""


@attrs.frozen(kw_only=True)
class Done:
    """Always last. The log is sealed."""

    reason: Derived[DoneReason]
    """Why the episode ended; `submitted` and `blocked` are the agent's own words, not a verdict."""
    summary: Derived[str] = ""
    """The agent's own words at submission."""
    counts: Derived[Counts]
    """What it did, summed up."""


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
