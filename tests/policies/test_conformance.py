"""What every policy must be: a function of conversation, seed and turn, whose replies can be written down."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import attrs
import pytest

from coding_agent.errors import PolicyError
from coding_agent.events.codec import decode, encode
from coding_agent.events.schema import WIRE_NAMES, ModelTurn
from coding_agent.events.values import Message
from coding_agent.policies.base import ContextOverflow, Policy, PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.recorded import RecordedPolicy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.record import to_turn
from coding_agent.tools.dispatch import TOOLSETS, tool_schemas
from tests.samples import WRITE, turn

REPLIES = tuple(PolicyReply(calls=(RawCall(id=f"c{n}", name="submit", arguments="{}"),)) for n in range(4))
QUICK = SimulatedModel(latency_s=0.0, busy=0.0)
MAKE: dict[str, Callable[[], Policy]] = {
    "scripted": lambda: ScriptedPolicy(REPLIES, "scripted:x"),
    "recorded": lambda: RecordedPolicy.of([turn(n, WRITE) for n in range(1, 5)], "recorded:x"),
    "repair": RepairPolicy,
    "simulated": lambda: SimulatedModel(latency_s=0.0, busy=0.0),
}
OPENING = (Message(role="system", content="Be good."), Message(role="user", content="Mend double.py and a/b.md."))


def request(number: int, *, seed: int = 3, said: str = "") -> PolicyRequest:
    more = (Message(role="user", content=said),) if said else ()
    return PolicyRequest(messages=(*OPENING, *more), tools=tool_schemas("default"), seed=seed, turn=number)


@pytest.fixture(params=sorted(MAKE))
def make(request: pytest.FixtureRequest) -> Callable[[], Policy]:
    return MAKE[str(request.param)]


async def test_the_same_request_gets_the_same_reply_from_any_instance(make: Callable[[], Policy]) -> None:
    policy = make()
    first = [await policy.act(request(number)) for number in range(1, 5)]
    again = [await policy.act(request(number)) for number in range(4, 0, -1)]
    other = [await make().act(request(number)) for number in range(1, 5)]
    assert first == again[::-1] == other


async def test_episodes_that_share_a_policy_do_not_mix(make: Callable[[], Policy]) -> None:
    policy = make()
    alone = {seed: await make().act(request(1, seed=seed)) for seed in range(8)}
    together: dict[int, PolicyReply] = {}

    async def one(seed: int) -> None:
        together[seed] = await policy.act(request(1, seed=seed))

    async with anyio.create_task_group() as tasks:
        for seed in alone:
            tasks.start_soon(one, seed)
    assert together == alone


async def test_every_reply_can_be_written_down(make: Callable[[], Policy]) -> None:
    for number in range(1, 5):
        event = to_turn(await make().act(request(number)), turn=number, request_digest="d", latency_s=None)
        assert decode(WIRE_NAMES[ModelTurn], encode(event)) == event


async def test_a_simulated_model_listens_to_conversation_seed_and_turn() -> None:
    replies = {
        (await QUICK.act(request(n, seed=seed, said=said))).calls
        for n in (1, 2) for seed in (1, 2) for said in ("", "No.")
    }  # fmt: skip
    assert len(replies) > 4


async def test_a_simulated_model_does_right_wrong_and_nothing() -> None:
    replies = [await QUICK.act(request(1, seed=seed)) for seed in range(300)]
    calls = [call for reply in replies for call in reply.calls]
    assert {len(reply.calls) for reply in replies} == {0, 1, 2}
    assert {call.name for call in calls} >= set(TOOLSETS["default"])
    assert any(call.name not in TOOLSETS["default"] for call in calls)
    turns = [to_turn(reply, turn=1, request_digest="d", latency_s=None) for reply in replies]
    assert any(call.error for each in turns for call in each.calls)


async def test_a_simulated_model_fails_as_it_is_told() -> None:
    with pytest.raises(PolicyError):
        await attrs.evolve(QUICK, fails=1.0).act(request(1))
    with pytest.raises(ContextOverflow):
        await attrs.evolve(QUICK, overflows=1.0).act(request(1))
