"""Continuous decoding on a thread of its own: a request joins when a slot is free and leaves when it is complete.

A sequence keeps its keys and values after it is complete, so the next turn of an episode (the same tokens and some more)
only pays for what is new; so do the samples of one prompt. Draws depend on the seed, the prompt and how often this prompt
was asked, not on what else happened to be in the batch.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import Counter
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

import torch
from areno.engine.data.sampling import _policy_token_logprobs, _sample

from benchmarks.areno_cpu.slots import Slots

CHUNK = 512
"""Prompt tokens taken at once; bounds the mask, which has a row for each of them."""

Completion = tuple[list[int], list[float]]


@dataclass(eq=False)
class _Sequence:
    """What one slot holds."""

    slot: int
    tokens: list[int] = field(default_factory=list)
    """Whose keys and values are kept, and the last one sampled, whose are not yet."""
    kept: int = 0
    request: Request | None = None
    used: int = 0
    """When it was last taken, counted in requests."""


@dataclass(eq=False)
class Request:
    """One completion that somebody waits for."""

    prompt: list[int]
    params: Any
    """AReno's own sampling parameters."""
    limit: int
    stops: frozenset[int]
    done: Future[Completion] = field(default_factory=Future)
    draws: torch.Generator = field(default_factory=torch.Generator)
    logprobs: list[float] = field(default_factory=list)


class Decoder:
    """Owns the slots and the thread. `forget` must be called before the weights change."""

    def __init__(self, model: Any, *, slots: int, seed: int) -> None:
        self._model = model
        self._seed = seed
        self._slots = Slots(model.config, slots, model.config.max_position_embeddings)
        self._sequences = [_Sequence(slot) for slot in range(slots)]
        self._inbox: queue.SimpleQueue[Request | threading.Event | None] = queue.SimpleQueue()
        self._waiting: list[Request] = []
        self._asked: Counter[bytes] = Counter()
        self._taken = 0
        self._thread = threading.Thread(target=self._run, name="areno-cpu-decoder", daemon=True)
        self._thread.start()

    def submit(self, prompt: list[int], params: Any, limit: int, stops: frozenset[int]) -> Future[Completion]:
        """Ask for at most `limit` tokens after a prompt; the result is the tokens and their log-probabilities."""
        request = Request(prompt, params, min(limit, self._slots.length - len(prompt)), stops)
        name = hashlib.sha256(repr(prompt).encode()).digest()
        self._asked[name] += 1
        draw = hashlib.sha256(b"%d %d " % (self._seed, self._asked[name]) + name).digest()
        request.draws.manual_seed(int.from_bytes(draw[:7]))
        if request.limit < 1 or not prompt:
            request.done.set_result(([], []))
        else:
            self._inbox.put(request)
        return request.done

    def forget(self) -> None:
        """Cancel what runs and drop all keys and values: the weights are about to change."""
        forgotten = threading.Event()
        self._inbox.put(forgotten)
        if not forgotten.wait(60):
            raise RuntimeError("the decoder did not stop within 60 s; see the traceback of its thread above")

    def close(self) -> None:
        self._inbox.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        with torch.inference_mode():
            while self._receive():
                try:
                    self._admit()
                    self._decode()
                except Exception as error:  # noqa: BLE001  (the thread must live: whoever waits is told)
                    self._drop(error)

    def _receive(self) -> bool:
        """Take what came in; wait when there is nothing to do. False when it is over."""
        idle = not self._waiting and all(sequence.request is None for sequence in self._sequences)
        while idle or not self._inbox.empty():
            item = self._inbox.get()
            idle = False
            if item is None:
                return False
            if isinstance(item, Request):
                self._waiting.append(item)
                continue
            self._drop(RuntimeError("the rollout session ended before this completion"))
            item.set()
            idle = self._inbox.empty()
        return True

    def _drop(self, error: Exception) -> None:
        for request in self._waiting + [s.request for s in self._sequences if s.request is not None]:
            if not request.done.done():
                request.done.set_exception(error)
        self._waiting.clear()
        for sequence in self._sequences:
            sequence.request, sequence.tokens, sequence.kept = None, [], 0

    def _admit(self) -> None:
        """Give free slots to who waits, and read their prompts up to the last token."""
        while self._waiting and any(sequence.request is None for sequence in self._sequences):
            request = self._waiting.pop(0)
            if request.done.cancelled():
                continue
            sequence = self._place(request)
            while sequence.kept < len(request.prompt) - 1:
                part = request.prompt[sequence.kept : min(sequence.kept + CHUNK, len(request.prompt) - 1)]
                mask = self._slots.extend(sequence.slot, sequence.kept, len(part))
                places = torch.arange(sequence.kept, sequence.kept + len(part)).unsqueeze(0)
                self._forward(torch.tensor([part]), places, mask, keep=1)
                sequence.kept += len(part)

    def _place(self, request: Request) -> _Sequence:
        """The slot for a request: one whose tokens it continues, or the one not used for longest, with a copy."""
        shared = {s.slot: _common(s.tokens[: s.kept], request.prompt[:-1]) for s in self._sequences}
        source = max(self._sequences, key=lambda s: shared[s.slot])
        continues = source.request is None and shared[source.slot] == source.kept
        target = source if continues else min((s for s in self._sequences if s.request is None), key=lambda s: s.used)
        count = shared[source.slot]
        if target is not source and count > shared[target.slot]:
            self._slots.copy(source.slot, target.slot, count)
        target.kept = count
        target.tokens, target.request = list(request.prompt), request
        self._taken += 1
        target.used = self._taken
        return target

    def _decode(self) -> None:
        """One token for everybody."""
        active = [sequence for sequence in self._sequences if sequence.request is not None]
        if not active:
            return
        rows, starts = [s.slot for s in active], [s.kept for s in active]
        last = torch.tensor([[s.tokens[s.kept]] for s in active])
        mask = self._slots.advance(rows, starts)
        logits = self._forward(last, torch.tensor(starts).unsqueeze(1), mask, keep=1)[:, -1]
        requests = [s.request for s in active if s.request is not None]
        drawn = [_draw(logits[i : i + 1], request) for i, request in enumerate(requests)]
        logprobs = _policy_token_logprobs(logits, torch.tensor(drawn)).tolist()
        for sequence, request, token, logprob in zip(active, requests, drawn, logprobs, strict=True):
            sequence.tokens.append(token)
            sequence.kept += 1
            request.logprobs.append(logprob)
            if token in request.stops or len(request.logprobs) >= request.limit or request.done.cancelled():
                _finish(request, sequence.tokens[len(request.prompt) :])
                sequence.request = None

    def _forward(self, ids: torch.Tensor, places: torch.Tensor, mask: torch.Tensor, *, keep: int) -> torch.Tensor:
        return self._model(
            input_ids=ids,
            position_ids=places,
            attention_mask=mask,
            past_key_values=self._slots,
            use_cache=False,
            logits_to_keep=keep,
        ).logits


def _draw(logits: torch.Tensor, request: Request) -> int:
    return int(_sample(logits, request.params, logits.device, generator=request.draws)[0])


def _finish(request: Request, tokens: list[int]) -> None:
    try:
        request.done.set_result((tokens, request.logprobs))
    except InvalidStateError:  # it was cancelled in this very moment
        return


def _common(left: list[int], right: list[int]) -> int:
    """How many tokens two sequences share from the beginning."""
    count = min(len(left), len(right))
    if left[:count] == right[:count]:
        return count
    return next(i for i in range(count) if left[i] != right[i])
