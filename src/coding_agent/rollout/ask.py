"""Asking the policy for its next turn, and writing down what it said."""

from __future__ import annotations

import time

import attrs
import structlog

from coding_agent.errors import PolicyError
from coding_agent.events.schema import ModelTurn
from coding_agent.events.tokens import Tail
from coding_agent.policies.base import ContextOverflow, Policy, PolicyRequest
from coding_agent.rollout.clean import clean_reply
from coding_agent.rollout.decide import AskPolicy
from coding_agent.rollout.record import to_turn
from coding_agent.rollout.state import EpisodeState
from coding_agent.rollout.world import World

_log = structlog.get_logger("coding_agent.episode")


async def ask_policy(step: AskPolicy, state: EpisodeState, tail: Tail, policy: Policy, world: World) -> ModelTurn:
    """The policy's turn. Raises PolicyError (whatever is wrong in the policy becomes one), ContextOverflow."""
    header = state.header
    messages = state.conversation.messages
    request = PolicyRequest(messages=messages, tools=header.tools, seed=header.seed, turn=step.turn)
    try:
        async with world.lanes.models:
            began = time.monotonic()
            reply = await policy.act(request)
            took = time.monotonic() - began
        reply, redacted = clean_reply(reply, world.secrets)
        if reply.tokens is not None:
            reply = attrs.evolve(reply, tokens=tail.compress(reply.tokens))
        return to_turn(reply, turn=step.turn, request_digest=step.request_digest, latency_s=took, redacted=redacted)
    except (PolicyError, ContextOverflow):
        raise
    except Exception as bug:
        # Whoever wrote the policy needs the traceback; the log gets what happened.
        _log.exception("bug in a policy", episode=header.episode, policy=header.policy, turn=step.turn)
        raise PolicyError(f"bug in the policy: {type(bug).__name__}: {bug}") from bug
