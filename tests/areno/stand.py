"""The real AReno around a scripted model: its session, proxy, trajectory accounting, rows, rewards and advantages.

Only what needs a GPU is replaced: the tokenizer makes ids of bytes, the model answers from a script by what it is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from areno.api.agentic import RolloutSession, load_agent_run_fn
from areno.api.data import PromptBatch, PromptItem
from areno.api.models import RolloutResult, RolloutSequence, SamplingParams
from areno.api.rewards import load_reward_fn
from areno.api.trainers.policy_only import PolicyOnlyTrainer

from tests.areno.by_path import HOOKS

TASKS = Path(__file__).parents[2] / "tasks"
EASY = "interval-gap"
END = 256
Model = Callable[[str], str]
"""The prompt as text → what is sampled as text."""


class ByteTokenizer:
    """ChatML over bytes; assistant text is copied into the prompt as it was sampled, as most templates do."""

    chat_template = "<|im_start|> {{ messages }} <tool_call>"
    eos_token_id = END

    def apply_chat_template(self, messages: list[dict[str, Any]], *, tools: Any = None, **options: Any) -> Any:
        text = f"<|im_start|>tools\n{json.dumps(tools)}<|im_end|>" if tools else ""
        for message in messages:
            calls = "".join(
                f"<tool_call>\n{json.dumps(call['function'])}\n</tool_call>" for call in message.get("tool_calls", ())
            )
            text += f"<|im_start|>{message['role']}\n{message['content']}{calls}<|im_end|>\n"
        text += "<|im_start|>assistant\n" if options.get("add_generation_prompt") else ""
        return self.encode(text) if options.get("tokenize", True) else text

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for index, part in enumerate(text.split("<|im_end|>")):
            ids += [*([END] if index else []), *part.encode()]
        return ids

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        parts: list[bytes] = [b""]
        for each in ids:
            if each == END:
                parts.append(b"")
            else:
                parts[-1] += bytes([each])
        return ("" if skip_special_tokens else "<|im_end|>").join(part.decode("utf-8", "replace") for part in parts)


class Engine:
    """What AReno's session and trainer touch of an `areno.api.Trainer`, with a scripted model behind it."""

    config = SimpleNamespace(world_size=1, tp_size=1)

    def __init__(self, model: Model, *, model_context: int | None = None, tokenizer: Any = None) -> None:
        self.model, self.model_context = model, model_context
        self.tokenizer = tokenizer or ByteTokenizer()
        self.sample: Callable[[str], list[int]] = self.tokenizer.encode
        """Which ids the model makes of its text."""
        self.asked: list[tuple[list[int], Any]] = []
        self.failures = 0
        self.hang_after: int | None = None
        """After this many requests the engine answers no more."""
        self.on_ask: Callable[[], None] = lambda: None
        self.at_once = self.most_at_once = 0

    def get_tokenizer(self) -> Any:
        return self.tokenizer

    def dp_size(self) -> int:
        return 1

    def model_context_len(self) -> int:
        if self.model_context is None:
            raise RuntimeError("not initialised")
        return self.model_context

    async def begin_rollout_session_async(self) -> None: ...

    async def end_rollout_session_async(self) -> None: ...

    async def sync_rollout_session_async(self) -> None: ...

    async def rollout_token_batch_async(self, prompts: list[list[int]], _n: int, params: Any, **_: Any) -> Any:
        self.asked.append((prompts[0], params))
        self.on_ask()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the engine is broken")
        if self.hang_after is not None and len(self.asked) > self.hang_after:
            await asyncio.Event().wait()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.02)
        self.at_once -= 1
        said = [*self.sample(self.model(self.tokenizer.decode(prompts[0]))), self.tokenizer.eos_token_id]
        said = said[: params.max_new_tokens]
        return [RolloutResult(sequences=[RolloutSequence(resp_tokens=said, resp_logprobs=[-0.25] * len(said))])]

    def rollout_session(self, **options: Any) -> RolloutSession:
        return RolloutSession(self, **options)


def trainer(engine: Engine, *, n_samples: int, max_context_len: int | None = None, slots: int = 4) -> PolicyOnlyTrainer:
    """AReno's own trainer with our hooks loaded by path, as its command line does it."""
    config = SimpleNamespace(
        agent_fn=str(HOOKS / "run_agent.py"),
        n_samples=n_samples,
        max_context_len=max_context_len,
        resolved_max_running_prompts=lambda: slots,
        train_tool_results=False,
    )
    reward_fn = load_reward_fn(str(HOOKS / "reward.py"))
    made = PolicyOnlyTrainer(config, instance=engine, dataset=[], reward_fn=reward_fn, loss_fn=None)
    made._agent_run_fn = load_agent_run_fn(config.agent_fn)
    return made


def prompt_batch(engine: Engine, records: Sequence[dict[str, Any]]) -> PromptBatch:
    """Records as AReno's loader hands them to a step."""
    items = [
        PromptItem(prompt=r["prompt"], solutions=None, input_tokens=engine.tokenizer.encode(r["prompt"]), record=r)
        for r in records
    ]
    return PromptBatch(items=items, scanned=len(items), skipped_long=0, total_skipped_long=0)


def play(made: PolicyOnlyTrainer, batch: PromptBatch, **limits: Any) -> tuple[Any, list[Any]]:
    """One step as AReno plays it, on a new event loop: the train batch, and the sequences that the optimiser gets."""
    params = SamplingParams(**{"max_new_tokens": 4096, "max_context_len": 60000, **limits})
    rolled = asyncio.run(made._run_agentic_rollout(params, batch))
    sequences, _, _ = made._materialize_agentic_train_batch(made.areno.tokenizer, batch, rolled)
    return rolled, sequences


def call(tool: str, **arguments: Any) -> str:
    """One tool call as a Qwen model writes it."""
    return f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"


def turn_of(prompt: str) -> int:
    """From 1: which turn a prompt asks for."""
    return prompt.count("<|im_start|>assistant\n")


def solver(task: str = EASY) -> Model:
    """Applies the task's gold patch, runs the tests, submits."""
    patch = (TASKS / task / "gold.patch").read_text()
    script = [
        "I see it.\n" + call("apply_patch", patch=patch),
        call("run_tests"),
        call("submit", status="solved", summary="mended"),
    ]
    return lambda prompt: script[turn_of(prompt) - 1]


def quitter(_prompt: str) -> str:
    """Gives up at once."""
    return call("submit", status="blocked", summary="no idea")
