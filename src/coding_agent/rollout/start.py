"""The first event of an episode: everything that decides what it is."""

from __future__ import annotations

import platform
from pathlib import Path

from coding_agent import __version__
from coding_agent.events.schema import EpisodeStarted
from coding_agent.events.text import escape
from coding_agent.events.values import Conversation, Limits, SandboxInfo
from coding_agent.rollout.checkout import commit, installed_commit
from coding_agent.rollout.prompt import PROMPT_VERSION, opening_messages
from coding_agent.rollout.scheduler import Job
from coding_agent.rollout.workspace import base_tree, tree_digest
from coding_agent.sandbox.base import SandboxBackend
from coding_agent.tasks.spec import TaskSpec
from coding_agent.tools.dispatch import tool_schemas


def episode_id(name: str, sample: int, attempt: int) -> str:
    """The same in every run, so that two runs of the same episode are the same episode."""
    return f"{name}.{sample}.{attempt}"


def start_episode(job: Job, attempt: int, *, backend: SandboxBackend, toolset: str = "default") -> EpisodeStarted:
    """What the log begins with. Raises UsageError for an unknown toolset."""
    return EpisodeStarted(
        episode=episode_id(job.name or job.task.id, job.sample, attempt),
        task=job.task.id,
        task_digest=job.task.digest,
        sample=job.sample,
        attempt=attempt,
        seed=job.seed,
        messages=opening_messages(job.task, job.limits),
        tools=tool_schemas(toolset),
        prompt_version=PROMPT_VERSION,
        conversation=Conversation(),
        limits=job.limits,
        policy=escape(job.policy.spec),  # it may name a file
        privileged=job.policy.privileged,
        tree=tree_digest(base_tree(job.task.files)),
        sandbox=SandboxInfo(kind=backend.kind, promises=backend.promises, lacks=backend.lacks),
        harness=harness(),
        step=job.step,
        group=job.group,
    )


def task_limits(task: TaskSpec, *, max_turns: int | None = None) -> Limits:
    """A task's own limits, with fewer or more turns if the caller says so."""
    own = task.limits
    return Limits(
        turns=own.turns if max_turns is None else max_turns,
        tokens=own.tokens,
        seconds=own.seconds,
        command_s=own.command_s,
        test_s=own.test_s,
    )


def harness() -> str:
    """`coding-agent 0.1.0 4f2c1e9a0b3d, Python 3.11.7`: version, commit where it is known, and what runs it."""
    package = Path(__file__).parents[1]
    found = commit(package.parents[1]) or installed_commit(package)
    version = f"coding-agent {__version__}" + (f" {found[:12]}" if found else "")
    return f"{version}, Python {platform.python_version()}"
