"""A tokenizer as AReno uses it: how long a prompt will be, what was sampled as text, where a call's arguments stand."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from typing import Any

from coding_agent.areno.calls import arguments_span

_MARKS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<|end|>")


class Tokens:
    """Not bound to a loop. Works on a copy: a fast tokenizer is not safe in two threads at once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = copy.deepcopy(tokenizer)
        self.digest = _digest(self._tokenizer)

    def count(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> int:
        """How many ids AReno's proxy will make of a request: by the very function that it uses."""
        # Only there when AReno runs us.
        from areno.api.openai_chat import first_user_text, messages_to_prompt_tokens  # noqa: PLC0415

        shown = list(messages)
        fallback = first_user_text(shown)
        return len(
            messages_to_prompt_tokens(self._tokenizer, shown, tools=list(tools) or None, fallback_prompt=fallback)
        )

    def text(self, ids: Sequence[int]) -> str:
        """What was sampled, special tokens within it kept, without the end-of-turn token that stopped it."""
        kept = list(ids)
        eos = getattr(self._tokenizer, "eos_token_id", None)
        while kept and kept[-1] == eos:
            kept.pop()
        text = self._decode(kept)
        for mark in _MARKS:
            text = text.removesuffix(mark)
        return text

    def is_ended(self, ids: Sequence[int]) -> bool:
        """Whether the last one is an end-of-turn token, which only the model can have put there."""
        eos = getattr(self._tokenizer, "eos_token_id", None)
        return bool(ids) and (ids[-1] == eos or self._decode(ids[-1:]) in _MARKS)

    def arguments(self, ids: Sequence[int], name: str, arguments: str) -> tuple[int, ...]:
        """First and after-last index into `ids` of a call's arguments; empty where they do not stand as JSON text."""
        span = arguments_span(self._decode(ids), name, arguments)
        return () if span is None else (self._index(ids, span[0] + 1) - 1, self._index(ids, span[1]))

    def _index(self, ids: Sequence[int], chars: int) -> int:
        """The fewest ids whose text has at least `chars` characters."""
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            if len(self._decode(ids[:middle])) >= chars:
                high = middle
            else:
                low = middle + 1
        return low

    def _decode(self, ids: Sequence[int]) -> str:
        try:
            text = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        except TypeError:
            text = self._tokenizer.decode(list(ids))
        return str(text)


def _digest(tokenizer: Any) -> str:
    sha = hashlib.sha256(str(getattr(tokenizer, "chat_template", "")).encode())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = backend.to_str() if backend is not None else type(tokenizer).__qualname__
    sha.update(b"\0" + vocabulary.encode())
    return sha.hexdigest()
