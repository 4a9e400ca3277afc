"""The CPU backend. Importing this module registers it.

AReno's set of backend names is closed (an enum, the command line's choices and a check of the configuration), so it takes
the place of CUDA, for which AReno has no device check before a backend starts, and says so in the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from areno.api.backend.base import Backend, BackendCapabilities, register_backend
from areno.api.backend.common import expand_prompts, group_rollout_sequences, train_microbatches
from areno.api.backend.cuda.generation import rollout_options
from areno.api.backend.cuda.training import (
    annotate_sft_token_mean_packs,
    is_sft_loss_fn,
    make_train_pack,
    sft_target_token_count,
)
from areno.api.context import Context
from areno.api.models import BackendType, RolloutResult, RolloutSequence, SamplingParams, TrainSequence
from areno.engine.config import OptimizerConfig
from transformers import AutoModelForCausalLM

from benchmarks.areno_cpu.decoder import Completion, Decoder
from benchmarks.areno_cpu.learner import Learner

logger = logging.getLogger("areno.cpu")

THREADS = "ARENO_CPU_THREADS"
SEED = "ARENO_CPU_SEED"
BATCHES = "ARENO_CPU_BATCHES"
"""A file that gets every training sequence that AReno hands over, as JSON Lines; unset: none."""
SLOTS = 32
"""Sequences decoded at once, at most; AReno's own `max_running_prompts` lowers it."""


@register_backend(BackendType.CUDA)
class CpuBackend(Backend):
    """Adapts the decoder and the learner to what AReno's trainer calls."""

    def __init__(self) -> None:
        super().__init__()
        self._model: Any = None
        self._decoder: Decoder | None = None
        self._learner: Learner | None = None
        self._rolling = False
        self._batches = 0

    @classmethod
    def capabilities(cls) -> BackendCapabilities:
        return BackendCapabilities(algorithms=frozenset({"sft", "gspo", "grpo"}), custom_loss=True)

    def initialize(self, ctx: Context) -> None:
        torch.set_num_threads(int(os.environ.get(THREADS, "1")))
        config = ctx.custom_config
        if ctx.world_size != 1 or config.tp_size != 1:
            raise ValueError(
                f"the CPU backend runs in one process: give --world-size 1 --tp-size 1, not {ctx.world_size} and "
                f"{config.tp_size}"
            )
        self._model = AutoModelForCausalLM.from_pretrained(ctx.model_path, dtype=torch.float32).eval()
        self._learner = Learner(self._model, OptimizerConfig(**config.optimizer))
        slots = min(SLOTS, config.max_running_prompts)
        self._decoder = Decoder(self._model, slots=slots, seed=int(os.environ.get(SEED, "0")))
        count = sum(parameter.numel() for parameter in self._model.parameters())
        logger.info("CPU backend in the place of CUDA: %d parameters, %d slots", count, slots)

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
        self._model = self._decoder = self._learner = None

    def model_context_len(self, ctx: Context) -> int | None:
        del ctx
        return int(self._model.config.max_position_embeddings)

    def begin_rollout_session(self, ctx: Context) -> None:
        del ctx
        self._rolling = True

    def end_rollout_session(self, ctx: Context) -> None:
        del ctx
        self._rolling = False
        if self._decoder is not None:
            self._decoder.forget()

    def rollout_batch(
        self,
        ctx: Context,
        prompt_tokens: list[list[int]],
        n_samples: int,
        sampling_params: SamplingParams,
        prompt_features: list[dict[str, Any] | None] | None = None,
    ) -> list[RolloutResult]:
        _text_only(prompt_features)
        waiting = self._submit(ctx, prompt_tokens, n_samples, sampling_params)
        return _grouped([future.result() for future in waiting], len(prompt_tokens), n_samples)

    async def rollout_batch_async(
        self,
        ctx: Context,
        prompt_tokens: list[list[int]],
        n_samples: int,
        sampling_params: SamplingParams,
        prompt_features: list[dict[str, Any] | None] | None = None,
    ) -> list[RolloutResult]:
        """Not in the ABC, but what AReno's proxy calls for each request."""
        _text_only(prompt_features)
        waiting = self._submit(ctx, prompt_tokens, n_samples, sampling_params)
        completions = await asyncio.gather(*(asyncio.wrap_future(future) for future in waiting))
        return _grouped(completions, len(prompt_tokens), n_samples)

    def _submit(self, ctx: Context, prompts: list[list[int]], n_samples: int, sampling: SamplingParams) -> list[Any]:
        if self._decoder is None:
            raise RuntimeError("the CPU backend is not initialised")
        options = rollout_options(ctx, sampling)
        params = options["sampling_params"]
        stops = frozenset((*options["eos_token_id"], *params.stop_token_ids))
        return [
            self._decoder.submit(prompt, params, sampling.max_new_tokens, stops)
            for prompt in expand_prompts(prompts, n_samples)
        ]

    def train(
        self,
        ctx: Context,
        batch_data: list[TrainSequence],
        loss_fn: Callable[..., Any],
        mini_bs: int,
        gradient_accumulation_steps: int | None = None,
    ) -> dict[str, float]:
        del ctx
        if self._learner is None:
            raise RuntimeError("the CPU backend is not initialised")
        if self._rolling:
            raise RuntimeError("weights can not change while a rollout session is open")
        self._batches += 1
        if place := os.environ.get(BATCHES):
            with Path(place).open("a") as file:
                file.writelines(json.dumps(given(self._batches - 1, each)) + "\n" for each in batch_data)
        microbatches = train_microbatches(batch_data, mini_bs)
        packs = [make_train_pack(rows) for rows in microbatches]
        if is_sft_loss_fn(loss_fn):
            counts = [sft_target_token_count(rows) for rows in microbatches]
            annotate_sft_token_mean_packs(packs, counts, gradient_accumulation_steps=gradient_accumulation_steps)
        return self._learner.step(packs, loss_fn, gradient_accumulation_steps)

    def save_checkpoint(self, ctx: Context, path: str) -> str:
        self._model.save_pretrained(path)
        ctx.tokenizer.save_pretrained(path)
        return path


def given(batch: int, row: TrainSequence) -> dict[str, Any]:
    """What AReno trains on, named as `coding-agent export --format areno-rows` names it."""
    if row.loss_mask:
        learnt = list(row.loss_mask)
    elif row.prompt_len is not None:
        learnt = [index >= row.prompt_len for index in range(len(row.tokens))]
    else:  # imitation
        learnt = [not prompt for prompt in row.prompt_mask]
    return {
        "step": batch,
        "tokens": list(row.tokens),
        "loss_mask": learnt,
        "logprobs": list(row.logprobs),
        "reward": row.reward,
        "advantage": row.scalar_advantage,
    }


def _grouped(completions: list[Completion], prompts: int, n_samples: int) -> list[RolloutResult]:
    sequences = [RolloutSequence(resp_tokens=tokens, resp_logprobs=logprobs) for tokens, logprobs in completions]
    grouped: list[RolloutResult] = group_rollout_sequences(sequences, prompts, n_samples)
    return grouped


def _text_only(features: list[dict[str, Any] | None] | None) -> None:
    if features is not None and any(feature is not None for feature in features):
        raise ValueError("the CPU backend has no images, sound or video")
