"""`openai_chat`: any server of OpenAI's `/v1/chat/completions` with tools.

429, 5xx and transport failures are tried again with exponential backoff and jitter drawn from the episode's seed;
everything else fails at once. A client lives for one call, so nothing is bound to an event loop between turns.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import attrs
import httpx
import orjson

from coding_agent.errors import PolicyError
from coding_agent.events.values import JSON
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest
from coding_agent.policies.wire import read_reply, to_wire, tool_to_wire

MAX_BODY = 16 << 20
EXCERPT = 500


class _TryAgain(Exception):
    def __init__(self, why: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(why)


@attrs.frozen(kw_only=True)
class OpenAIChatPolicy:
    """One model on one server. The key is read from the environment at construction and shown nowhere."""

    model: str
    base_url: str
    """Up to and including `/v1`."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    timeout_s: float = 600.0
    """Of one request, its whole body included."""
    attempts: int = attrs.field(default=6, validator=attrs.validators.ge(1))
    backoff_s: float = 0.5
    """Before the second attempt; doubled each time, at most 30 s, plus up to as much again of jitter."""
    extra_body: dict[str, JSON] = attrs.field(factory=dict)
    key: str = attrs.field(
        factory=lambda: os.environ.get("OPENAI_API_KEY", ""), repr=False, converter=lambda key: key.strip()
    )
    sleep: Callable[[float], Awaitable[None]] = attrs.field(default=anyio.sleep, repr=False)
    privileged: bool = False

    @property
    def spec(self) -> str:
        return f"openai:{self.model}@{self.base_url}"

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Raises PolicyError when there is no answer to be had, ContextOverflow when the request is too long."""
        draws = random.Random(f"{request.seed}/{request.turn}")  # noqa: S311  jitter, not a secret
        if not self.key.isascii():
            raise PolicyError("OPENAI_API_KEY holds characters that no key has; set it again")
        body = orjson.dumps(self._body(request))
        for attempt in range(self.attempts):
            try:
                with anyio.fail_after(self.timeout_s):
                    answer = await self._post(body)
                return attrs.evolve(self._reply(answer), retries=attempt)
            except (_TryAgain, httpx.TransportError, TimeoutError) as error:
                if attempt + 1 == self.attempts:
                    message = f"{self.base_url}: no answer after {self.attempts} attempts: {self._hidden(repr(error))}"
                    raise PolicyError(message) from None
                await self.sleep(self._pause(attempt, draws, error))
        raise AssertionError("the loop returns or raises")

    def _reply(self, answer: Any) -> PolicyReply:
        try:
            return read_reply(answer, max_tokens=self.max_tokens, sampling=self._sampling())
        except PolicyError as error:
            raise PolicyError(self._hidden(str(error))) from None

    def _pause(self, attempt: int, draws: random.Random, error: Exception) -> float:
        pause = min(self.backoff_s * float(2**attempt), 30.0) * (1 + draws.random())
        asked = error.after_s if isinstance(error, _TryAgain) else None
        return pause if asked is None else max(pause, min(asked, 60.0))

    def _sampling(self) -> dict[str, JSON]:
        named = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        return {"model": self.model, **{name: value for name, value in named.items() if value is not None}}

    def _body(self, request: PolicyRequest) -> dict[str, JSON]:
        body = {**self._sampling(), "messages": [to_wire(message) for message in request.messages], **self.extra_body}
        if request.tools:
            body["tools"] = [tool_to_wire(tool) for tool in request.tools]
        return body

    async def _post(self, body: bytes) -> Any:
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        url = self.base_url.rstrip("/") + "/chat/completions"
        try:
            async with (
                httpx.AsyncClient(timeout=self.timeout_s, trust_env=False) as client,
                client.stream("POST", url, content=body, headers=headers) as response,
            ):
                raw = await self._read(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.DecodingError) as error:
            raise PolicyError(f"{url}: {error}") from error
        self._check(response, raw)
        try:
            # Not orjson: a server may send lone surrogates and -Infinity, which are outside values to be kept.
            return json.loads(raw)
        except (ValueError, RecursionError):
            text = self._excerpt(raw)
            raise PolicyError(f"{url}: the answer is not JSON: {text}") from None

    async def _read(self, response: httpx.Response) -> bytes:
        raw = bytearray()
        async for chunk in response.aiter_bytes():
            raw += chunk
            if len(raw) > MAX_BODY:
                raise PolicyError(f"{self.base_url}: an answer of more than {MAX_BODY} bytes")
        return bytes(raw)

    def _check(self, response: httpx.Response, raw: bytes) -> None:
        status = response.status_code
        text = self._excerpt(raw)
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _TryAgain(f"status {status}: {text}", _seconds(response.headers.get("retry-after")))
        if status == httpx.codes.OK:
            return
        if b"context_length_exceeded" in raw or b"maximum context length" in raw:
            raise ContextOverflow(text)
        raise PolicyError(f"{self.base_url}: status {status}: {text}")

    def _excerpt(self, raw: bytes) -> str:
        # Redacted before it is cut, or a piece of the key could survive the cut.
        return self._hidden(raw.decode("utf-8", "replace"))[:EXCERPT]

    def _hidden(self, text: str) -> str:
        return text.replace(self.key, "[key]") if self.key else text


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None
