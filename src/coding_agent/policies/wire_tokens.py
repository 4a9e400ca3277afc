"""Token ids and log-probabilities in a chat completion, in the two dialects that servers speak. Pure; pads nothing.

vLLM: `prompt_token_ids` and `token_ids`, on the choice or at the top, with the standard `logprobs.content[].logprob`.
AReno: `areno: {input_tokens, response_tokens, response_logprobs}`. Log-probabilities without ids (OpenAI's own) are
left out: a record says which tokens it speaks of.
"""

from __future__ import annotations

import math
import reprlib
from typing import Any

from coding_agent.events.values import TokenRecord, Usage


class BadAnswer(Exception):
    """The server answered, but not as the protocol says; asking again would not help."""


def wrong(place: str, expected: str, found: object) -> BadAnswer:
    """The error for one place of an answer, with a short form of what was found."""
    return BadAnswer(f"the server's answer: {place}: expected {expected}, found {reprlib.repr(found)}")


def completion_length(body: dict[str, Any], choice: dict[str, Any], usage: Usage) -> int:
    """How many tokens the completion has, by the ids or by the server's count, whichever says more."""
    ids = _ids_of(body, choice)[1]
    return max(len(ids) if isinstance(ids, list) else 0, usage.completion_tokens)


def read_tokens(body: dict[str, Any], choice: dict[str, Any]) -> TokenRecord | None:
    """The record, or None when the server sends no ids. Raises BadAnswer when ids and log-probabilities disagree."""
    prompt, ids = _ids_of(body, choice)
    if prompt is None or ids is None:
        return None
    for name, value in (("prompt token ids", prompt), ("completion token ids", ids)):
        if not isinstance(value, list) or not all(type(each) is int and 0 <= each < 2**53 for each in value):
            raise wrong(name, "a list of integers from 0", value)
    place, logprobs = _logprobs_of(body, choice)
    if logprobs is None or len(logprobs) != len(ids):
        found = "none (ask for `logprobs`, too)" if logprobs is None else f"{len(logprobs)}"
        raise BadAnswer(
            f"the server's answer: {place}: expected {len(ids)} log-probabilities, one per completion id, found {found}"
        )
    numbers = tuple(_number(place, each) for each in logprobs)
    return TokenRecord(prompt_ids=tuple(prompt), completion_ids=tuple(ids), logprobs=numbers)


def _ids_of(body: dict[str, Any], choice: dict[str, Any]) -> tuple[Any, Any]:
    areno = body.get("areno")
    if isinstance(areno, dict):
        return areno.get("input_tokens"), areno.get("response_tokens")
    prompt, ids = choice.get("prompt_token_ids"), choice.get("token_ids")
    return (
        body.get("prompt_token_ids") if prompt is None else prompt,
        body.get("token_ids") if ids is None else ids,
    )


def _logprobs_of(body: dict[str, Any], choice: dict[str, Any]) -> tuple[str, list[Any] | None]:
    areno, standard = body.get("areno"), choice.get("logprobs")
    if isinstance(areno, dict):
        place, found = "areno.response_logprobs", areno.get("response_logprobs")
    else:
        place = "choices[0].logprobs.content"
        found = standard.get("content") if isinstance(standard, dict) else None
        if isinstance(found, list):
            found = [each.get("logprob") if isinstance(each, dict) else each for each in found]
    if found is not None and not isinstance(found, list):
        raise wrong(place, "a list or null", found)
    return place, found


def _number(place: str, value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(place, "log-probabilities that are numbers", value)
    try:
        number = float(value)
    except OverflowError:
        raise wrong(place, "log-probabilities that a float can hold", value) from None
    return number if math.isfinite(number) else str(number)
