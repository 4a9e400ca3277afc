"""The opening messages. Their text is part of the log, so a change here changes new episodes only."""

from __future__ import annotations

from coding_agent.events.values import Limits, Message
from coding_agent.tasks.spec import TaskSpec

PROMPT_VERSION = "1"

SYSTEM = """\
You are a software engineer working in a repository at /workspace, through tools. Nobody will answer questions.

Call exactly one tool per turn; further calls in the same message are not executed. Look before you edit: read the \
code, run the tests, find the cause. Change the source so that the problem is solved in general, not only for the \
examples you were given; hidden tests decide. Changes to tests and test configuration are undone before grading. There \
is no network. Each command runs in a fresh process: only files under /workspace last.

When you are finished, call `submit` with status `solved`, or `blocked` if you can not solve the task."""


def opening_messages(task: TaskSpec, limits: Limits) -> tuple[Message, ...]:
    """What every policy is shown first."""
    rules = [f"You have {limits.turns} turns."]
    if limits.tokens is not None:
        rules.append(f"You have {limits.tokens} tokens in all.")
    rules.append(f"`run_tests` runs `{' '.join(task.test_command)}`.")
    text = f"# {task.title}\n\n{task.statement.strip()}\n\n{' '.join(rules)}"
    return (Message(role="system", content=SYSTEM), Message(role="user", content=text))
