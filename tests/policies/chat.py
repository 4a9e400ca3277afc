"""What the tests of `openai_chat` share: a policy that does not wait, and a request."""

from __future__ import annotations

from typing import Any

from coding_agent.events.values import Message, ModelToolCall
from coding_agent.policies.base import PolicyRequest
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.tools.dispatch import tool_schemas
from tests.servers.chat import ChatServer, ok

KEY = "sk-secret"
HELLO = ok({"content": "hello"}, usage={"prompt_tokens": 5, "completion_tokens": 2})


class Waits:
    """Takes note of pauses and makes none."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, pause: float) -> None:
        self.pauses.append(pause)


def policy(server: ChatServer, waits: Waits | None = None, **options: Any) -> OpenAIChatPolicy:
    return OpenAIChatPolicy(model="m", base_url=server.url, key=KEY, sleep=waits or Waits(), **options)


def request(seed: int = 1) -> PolicyRequest:
    called = ModelToolCall(id="a", name="list_files", raw="{}", arguments={})
    messages = (
        Message(role="user", content="hi"),
        Message(role="assistant", content=None, calls=(called,), extra={"reasoning_content": "hm"}),
        Message(role="tool", content="src/", call_id="a"),
    )
    return PolicyRequest(messages=messages, tools=tool_schemas("default"), seed=seed, turn=2)
