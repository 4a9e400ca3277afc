"""`openai_chat`: any server of OpenAI's `/v1/chat/completions` with tools.

429, 5xx and transport failures are tried again (`retry`); everything else fails at once. A client lives for one call of
`act`, retries included, so nothing is bound to an event loop between turns and a trainer may ask from a new loop each
step. Nothing waits for ever: one request has `timeout_s`, its whole body included, and the pauses between them have a
bound of their own. What the JSON means is `wire`'s affair.
"""

from __future__ import annotations

import functools
import hashlib
import os
import ssl
from collections.abc import Awaitable, Callable

import anyio
import attrs
import httpx
import orjson

from coding_agent.errors import PolicyError, PolicyUnavailable, UsageError
from coding_agent.events.redact import Secrets
from coding_agent.events.values import JSON
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest
from coding_agent.policies.options import NAMED, PER_TURN, write_options
from coding_agent.policies.retry import Backoff, GaveUp, TryAgain, retry_after_s
from coding_agent.policies.wire import BadAnswer, parse_body, read_reply, says_too_long, to_wire, tool_to_wire

MAX_BODY = 16 << 20
EXCERPT = 500
_OURS = frozenset({"model", "messages", "tools", "stream", "n"})


def _check_url(_: object, __: object, value: str) -> None:
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(f"base_url: expected http(s)://HOST[:PORT]/v1, found {value!r}: {error}") from None
    if url.userinfo:
        raise UsageError(f"base_url: expected no user or password, found some for {url.host}; put the key into the env")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise UsageError(f"base_url: expected http(s)://HOST[:PORT]/v1 and nothing after it, found {value!r}")


def _check_extra(_: object, __: object, value: dict[str, JSON]) -> None:
    if found := sorted(_OURS & set(value)):
        raise UsageError(f"extra_body: expected none of {', '.join(sorted(_OURS))}, found {found[0]}")


def _check_key(policy: OpenAIChatPolicy, _: object, value: str) -> None:
    if not (value.isascii() and value.isprintable()):
        raise UsageError(f"{policy.key_env}: expected printable ASCII, found other characters (not shown: it is a key)")


def _trimmed(key: str) -> str:
    return key.strip()


@attrs.frozen(kw_only=True)
class OpenAIChatPolicy:
    """One model on one server. The key is read from the environment at construction and shown nowhere."""

    model: str
    base_url: str = attrs.field(validator=_check_url)
    """Up to and including `/v1`."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    timeout_s: float = 600.0
    """Of one request, its whole body included."""
    backoff: Backoff = attrs.field(factory=Backoff)
    extra_body: dict[str, JSON] = attrs.field(factory=dict, validator=_check_extra)
    """Further fields of each request (`top_k`, `logprobs`, `return_token_ids` …), recorded with the sampling."""
    seed_per_turn: bool = False
    """Send a `seed` drawn from the episode's seed and the turn: samples differ, and a run can be had again."""
    key_env: str = "OPENAI_API_KEY"
    key: str = attrs.field(
        default=attrs.Factory(lambda self: os.environ.get(self.key_env, ""), takes_self=True),
        repr=False,
        converter=_trimmed,
        validator=_check_key,
    )
    sleep: Callable[[float], Awaitable[None]] = attrs.field(default=anyio.sleep, repr=False)
    privileged: bool = False

    @property
    def spec(self) -> str:
        options = {name: getattr(self, name) for name in NAMED if getattr(self, name) != _default(name)}
        options |= self.extra_body | ({"seed": PER_TURN} if self.seed_per_turn else {})
        return f"openai:{self.model}@{self.base_url}" + (f"?{write_options(options)}" if options else "")

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Raises PolicyUnavailable for a server that stays away, PolicyError for a refusal, ContextOverflow."""
        sampling = self._sampling(request)
        body = orjson.dumps(_body(request, sampling))
        seed = f"{request.seed}/{request.turn}"
        async with httpx.AsyncClient(timeout=self.timeout_s, trust_env=False, verify=_tls()) as client:
            try:
                reply, retries = await self.backoff.run(
                    lambda: self._attempt(client, body, sampling), seed=seed, sleep=self.sleep
                )
            except GaveUp as error:
                raise PolicyUnavailable(self._shown(f"{self.base_url}: {error}")) from None
            except BadAnswer as error:
                raise PolicyError(self._shown(f"{self.base_url}: {error}")) from None
            except ContextOverflow as overflow:
                raise ContextOverflow(self._shown(str(overflow))) from None
        # A server may repeat whatever it was sent.
        clean, redacted = self._secrets.scrub(reply)
        tokens = None if redacted else reply.tokens
        return attrs.evolve(clean, retries=retries, redacted=redacted, tokens=tokens)

    @property
    def _secrets(self) -> Secrets:
        return Secrets.of({self.key_env: self.key})

    def _sampling(self, request: PolicyRequest) -> dict[str, JSON]:
        named = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        drawn = {"seed": _turn_seed(request)} if self.seed_per_turn else {}
        return {"model": self.model, **{k: v for k, v in named.items() if v is not None}, **self.extra_body, **drawn}

    async def _attempt(self, client: httpx.AsyncClient, body: bytes, sampling: dict[str, JSON]) -> PolicyReply:
        try:
            with anyio.fail_after(self.timeout_s):
                response, raw = await self._exchange(client, body)
        except TimeoutError:
            raise TryAgain(f"no whole answer within {self.timeout_s:g} s") from None
        except httpx.TransportError as error:
            raise TryAgain(f"{type(error).__name__}: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise BadAnswer(f"{type(error).__name__}: {error}") from None
        self._check(response, raw)
        try:
            return read_reply(parse_body(raw), sampling=sampling)
        except BadAnswer as error:
            raise BadAnswer(f"{error}: {self._excerpt(raw)}") from None

    async def _exchange(self, client: httpx.AsyncClient, body: bytes) -> tuple[httpx.Response, bytes]:
        # Compression is declined: a small answer could otherwise unpack to more than memory holds.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        url = self.base_url.rstrip("/") + "/chat/completions"
        raw = bytearray()
        # Cancelled, not broken out of: httpx nests generators that only an exception from below closes in order.
        with anyio.CancelScope() as reading:
            async with client.stream("POST", url, content=body, headers=headers) as response:
                if (coding := response.headers.get("content-encoding", "identity")) != "identity":
                    raise BadAnswer(f"expected an answer without compression, found content-encoding {coding[:40]!r}")
                async for chunk in response.aiter_raw():
                    raw += chunk
                    if len(raw) > MAX_BODY:
                        reading.cancel()
        if len(raw) > MAX_BODY:
            raise BadAnswer(f"expected an answer of at most {MAX_BODY} bytes, found more")
        return response, bytes(raw)

    def _check(self, response: httpx.Response, raw: bytes) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        text = f"status {status}: {self._excerpt(raw)}"
        # Before 5xx: some servers call a prompt that is too long their own failure.
        if status >= httpx.codes.BAD_REQUEST and says_too_long(raw.decode("utf-8", "replace")):
            raise ContextOverflow(text)
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            headers = response.headers
            raise TryAgain(text, retry_after_s(headers.get("retry-after"), headers.get("date")))
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN} and not self.key:
            text += f" ({self.key_env} is not set)"
        raise BadAnswer(text)

    def _excerpt(self, raw: bytes) -> str:
        # Hidden before it is cut, or half a key could remain at the cut.
        text = self._shown(raw[: 64 << 10].decode("utf-8", "replace"))
        return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"

    def _shown(self, text: str) -> str:
        hidden, _ = self._secrets.scrub(text)
        hidden = hidden.replace(self.key, "[key]") if self.key else hidden
        return " ".join("".join(char if char.isprintable() else " " for char in hidden).split())


def _default(name: str) -> JSON:
    return attrs.fields_dict(OpenAIChatPolicy)[name].default


def _body(request: PolicyRequest, sampling: dict[str, JSON]) -> dict[str, JSON]:
    body = {**sampling, "messages": [to_wire(message) for message in request.messages]}
    return {**body, "tools": [tool_to_wire(tool) for tool in request.tools]} if request.tools else body


def _turn_seed(request: PolicyRequest) -> int:
    # 31 bits: what every server takes.
    return int.from_bytes(hashlib.sha256(f"{request.seed}/{request.turn}".encode()).digest()[:4], "big") >> 1


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes longer than a short request; a context is bound to no loop. Of the environment only
    # SSL_CERT_FILE and SSL_CERT_DIR count here, and no proxy: a run asks the server that its spec names.
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise PolicyError(f"SSL_CERT_FILE or SSL_CERT_DIR: no certificates can be read there: {error}") from None
