"""What every policy must be: a function of conversation, seed and turn, whose replies can be written down."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable

import anyio
import attrs
import pytest

from coding_agent.errors import PolicyError
from coding_agent.events.codec import decode, encode
from coding_agent.events.schema import WIRE_NAMES, ModelTurn
from coding_agent.events.values import Message
from coding_agent.policies.base import ContextOverflow, Policy, PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.gold import GoldPolicy
from coding_agent.policies.recorded import RecordedPolicy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.record import to_turn
from coding_agent.tools.dispatch import TOOLSETS, tool_schemas
from tests.policies import chat
from tests.samples import WRITE, turn
from tests.servers.chat import Answer, ChatHandler, ChatServer, answer, ok, reset

REPLIES = tuple(PolicyReply(calls=(RawCall(id=f"c{n}", name="submit", arguments="{}"),)) for n in range(4))
QUICK = SimulatedModel(latency_s=0.0, busy=0.0)
MAKE: dict[str, Callable[[], Policy]] = {
    "gold": lambda: GoldPolicy("--- a/x\n"),
    "scripted": lambda: ScriptedPolicy(REPLIES, "scripted:x"),
    "recorded": lambda: RecordedPolicy.of([turn(n, WRITE) for n in range(1, 5)], "recorded:x"),
    "repair": RepairPolicy,
    "simulated": lambda: SimulatedModel(latency_s=0.0, busy=0.0),
}
OPENING = (Message(role="system", content="Be good."), Message(role="user", content="Mend double.py and a/b.md."))


def request(number: int, *, seed: int = 3, said: str = "") -> PolicyRequest:
    more = (Message(role="user", content=said),) if said else ()
    return PolicyRequest(messages=(*OPENING, *more), tools=tool_schemas("default"), seed=seed, turn=number)


def moody() -> Answer:
    """Fails each request in another way before it answers it; what it answers depends on nothing but the request."""
    asked: Counter[str] = Counter()
    failures = itertools.cycle((answer(503), reset(b"HTTP/1.1 200 OK\r\n"), answer(429, retry_after="0"), reset()))

    def write(handler: ChatHandler) -> None:
        body = json.dumps(handler.asked)
        asked[body] += 1
        if asked[body] % 2:
            next(failures)(handler)
            return
        digest = hashlib.sha256(body.encode()).hexdigest()
        called = {"id": digest[:8], "function": {"name": "submit", "arguments": f'{{"summary": "\\ud83d{digest}"'}}
        ok({"content": digest, "tool_calls": [called]}, usage={"prompt_tokens": 5, "completion_tokens": 2})(handler)

    return write


@pytest.fixture(params=[*sorted(MAKE), "openai"])
def make(request: pytest.FixtureRequest) -> Callable[[], Policy]:
    if request.param in MAKE:
        return MAKE[request.param]
    server: ChatServer = request.getfixturevalue("server")
    server.answers = [moody()]
    return lambda: chat.policy(server, seed_per_turn=True)


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


async def test_a_moody_server_is_asked_again_and_listened_to(server: ChatServer) -> None:
    server.answers = [moody()]
    replies = [
        await chat.policy(server, seed_per_turn=True).act(request(n, said=said)) for n in (1, 2) for said in ("", "No.")
    ]
    assert [reply.retries for reply in replies] == [1] * 4
    assert len({reply.content for reply in replies}) == 4


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
