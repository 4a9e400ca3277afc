"""Building the policy that a spec names, for each task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coding_agent.errors import UsageError
from coding_agent.events.schema import EpisodeStarted, ModelTurn
from coding_agent.policies.base import Policy
from coding_agent.policies.gold import GoldPolicy
from coding_agent.policies.options import NAMED, PER_TURN
from coding_agent.policies.recorded import RecordedPolicy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.policies.specs import PolicySpec, parse_policy_spec
from coding_agent.store.reader import read_events
from coding_agent.tasks.spec import TaskSpec

Build = Callable[[TaskSpec], Policy]


def policy_factory(text: str) -> Build:
    """What makes the policy for a task. Raises UsageError, and StoreError for a recorded log that is not intact."""
    spec = parse_policy_spec(text)
    if spec.kind == "repair":
        return lambda _: RepairPolicy()
    if spec.kind == "gold":
        return lambda task: GoldPolicy(task.gold_patch)
    if spec.kind == "scripted":
        scripted = ScriptedPolicy.from_file(Path(spec.argument))
        return lambda _: scripted
    if spec.kind == "recorded":
        recorded = _recorded(Path(spec.argument), text)
        return lambda _: recorded
    return _openai(spec)


def _recorded(log: Path, text: str) -> Policy:
    if not log.is_file():
        raise UsageError(f"policy: {text}: there is no log {log}")
    events = read_events(log)
    privileged = isinstance(events[0], EpisodeStarted) and events[0].privileged
    return RecordedPolicy(tuple(e for e in events if isinstance(e, ModelTurn)), text, privileged)


def _openai(spec: PolicySpec) -> Build:
    from coding_agent.policies.openai_chat import OpenAIChatPolicy  # noqa: PLC0415  httpx is slow to import

    rest = dict(spec.options)
    named = {name: rest.pop(name) for name in NAMED if name in rest}
    per_turn = rest.get("seed") == PER_TURN
    if per_turn:
        del rest["seed"]
    policy = OpenAIChatPolicy(
        model=spec.argument, base_url=spec.base_url, seed_per_turn=per_turn, extra_body=rest, **named
    )
    return lambda _: policy
