"""One sealed log as AReno's turns: a pure reading, so the same rows can be made again from the log at any time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.policy import as_shown
from coding_agent.areno.verdict import worth
from coding_agent.events.schema import Event
from coding_agent.events.values import JSON
from coding_agent.policies.wire import to_wire, tool_to_wire
from coding_agent.projections.steps import EpisodeFacts, episode_facts
from coding_agent.projections.tokens import SampledTurn, context_of, sampled_turns, trained_turns, untrainable
from coding_agent.projections.trajectory import trajectory
from coding_agent.store.reader import read_decoded
from coding_agent.store.rundir import blobs_of


@attrs.frozen(kw_only=True)
class Turn:
    """One row of AReno's: what the model saw, and the part of what it sampled that is learnt from."""

    input_tokens: list[int]
    response_tokens: list[int]
    response_logprobs: list[float]
    messages: list[dict[str, JSON]]
    """What the model was shown, as the proxy was sent it."""


@attrs.frozen(kw_only=True)
class Answer:
    """What one episode gives to the trainer."""

    log: Path
    head: str
    reward: float | None
    """None: masked."""
    turns: tuple[Turn, ...]
    tools: list[dict[str, JSON]]
    drifted: int
    """Turns whose prompt shows otherwise what was shown and sampled before."""
    overlong: int
    """Turns left out, as AReno would drop the whole episode for a row longer than the context."""
    facts: EpisodeFacts
    """For the sum of the step."""


def answer_of(log: Path, config: ArenoConfig) -> Answer:
    """Of tokens that can not be trained on, no turns and no reward. Raises StoreError for a log that is not intact."""
    records = list(read_decoded(log))
    events = tuple(each.event for each in records)
    facts = episode_facts(events, worth(config, events, blobs_of(log).get), [each.record.at for each in records])
    every: tuple[SampledTurn, ...] = ()
    chosen: tuple[SampledTurn, ...] = ()
    if untrainable(events) is None:
        every = sampled_turns(events)
        chosen = trained_turns(events, trainable=config.trainable, drift=config.drift)
    context = context_of(events)
    return Answer(
        log=log,
        head=records[-1].record.chain,
        reward=facts.reward.value,
        turns=rows_of(events, chosen, config.history),
        tools=[tool_to_wire(tool) for tool in trajectory(events).tools],
        drifted=sum(turn.drifted for turn in every),
        overlong=sum(turn.is_longer_than(context) for turn in every),
        facts=facts,
    )


def rows_of(events: Sequence[Event], chosen: Sequence[SampledTurn], history: str) -> tuple[Turn, ...]:
    """The chosen turns with what the model was shown at each."""
    whole = trajectory(events)
    spans = {span.turn: span for span in whole.spans}
    messages = as_shown(whole.messages, history)
    return tuple(
        Turn(
            input_tokens=[*turn.prompt, *turn.completion[: turn.learnt[0]]],
            response_tokens=list(turn.completion[turn.learnt[0] : turn.learnt[1]]),
            response_logprobs=list(turn.logprobs[turn.learnt[0] : turn.learnt[1]]),
            messages=[to_wire(message) for message in messages[: spans[turn.turn].reply]],
        )
        for turn in chosen
    )


def to_turns(item: Any, answer: Answer | None, context: int | None = None) -> list[Any]:
    """As AReno's own type; an episode without a single turn is one row of its prompt, which trains nothing.

    Of that no more than `context`: AReno drops a sample for a row that is longer, and ends the training over the last.

    Parsed calls are kept from it: of a turn that has any, it takes out of the loss what was sampled after the text
    `<tool_response>`, and what is learnt from is for the log alone to say.
    """
    from areno.api.agentic import AgentTrajectoryTurn  # noqa: PLC0415  only there when AReno runs us

    if answer is None or not answer.turns:
        shown = [{"role": "user", "content": item.prompt}]
        return [AgentTrajectoryTurn(item=item, messages=shown, input_tokens=list(item.input_tokens)[:context])]
    return [
        AgentTrajectoryTurn(
            item=item,
            messages=turn.messages,
            input_tokens=turn.input_tokens,
            response_tokens=turn.response_tokens,
            response_logprobs=turn.response_logprobs,
            tools=answer.tools,
        )
        for turn in answer.turns
    ]
