"""One optimiser step on packs of training rows, as AReno's own training manager takes it, for a model of `transformers`.

Packing, losses, schedule, norms and clipping are AReno's. What differs is how log-probabilities are computed: rows of one
trajectory that begin with each other (turn after turn of a growing conversation) share one forward pass over the longest,
and only positions that the loss looks at meet the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from areno.api.backend.common import accumulation_group_size, accumulation_steps, reduce_microbatch_metrics
from areno.engine.config import OptimizerConfig
from areno.engine.runtime.logprobs import vocab_parallel_selected_logprobs
from areno.engine.runtime.train_step import _clip_grad_norm, _grad_norms, _merge_metrics, _pack_train_data
from areno.engine.training import TrainingManager

Pack = dict[str, Any]
LossFn = Callable[[Pack, torch.Tensor], tuple[torch.Tensor, dict[str, Any]]]


class Learner:
    """The model's optimiser and its step count."""

    def __init__(self, model: Any, config: OptimizerConfig) -> None:
        self._model = model
        self._config = config
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
        )
        self._steps = 0

    def step(self, packs: list[Pack], loss_fn: LossFn, requested_accumulation: int | None) -> dict[str, float]:
        """Train on all packs; returns AReno's reduced metrics with the mean loss."""
        steps = accumulation_steps(len(packs), requested_accumulation)
        self._optimizer.zero_grad(set_to_none=True)
        losses, rows = [], []
        for index, pack in enumerate(packs):
            packed = _pack_train_data(pack)
            loss, metrics = loss_fn(packed, action_logprobs(self._model, packed))
            (loss / accumulation_group_size(index, len(packs), steps)).backward()
            last = (index + 1) % steps == 0 or index == len(packs) - 1
            losses.append(float(loss.detach()))
            rows.append(_merge_metrics(metrics, self._apply() if last else None) or {})
        return {"loss": sum(losses) / len(losses), **reduce_microbatch_metrics(rows)}

    def _apply(self) -> dict[str, float]:
        config = self._config
        self._steps += 1
        lr = TrainingManager._scheduled_lr(  # noqa: SLF001  (the schedule that a CUDA run would follow)
            self._steps,
            base_lr=config.lr,
            min_lr=config.min_lr,
            decay_steps=config.lr_decay_steps,
            decay_style=config.lr_decay_style,
            warmup_steps=config.lr_warmup_steps,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        parameters = list(self._model.parameters())
        norm = _grad_norms(parameters)["global"]
        if config.grad_clip_norm is not None:
            _clip_grad_norm(parameters, norm, config.grad_clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        clipped = norm if config.grad_clip_norm is None else min(norm, config.grad_clip_norm)
        return {"lr": lr, "grad_norm": norm, "clipped_grad_norm": clipped}


def action_logprobs(model: Any, packed: Pack) -> torch.Tensor:
    """Log-probability of each next token of each packed row, 0 where the loss does not look."""
    bounds = packed["train_cu_seqlens"].tolist()
    tokens = packed["input_ids"][0]
    rows = [tokens[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]
    masks = packed["packed_response_mask"].split([len(row) - 1 for row in rows])
    pieces: list[torch.Tensor] = [torch.zeros(0)] * len(rows)
    for longest, members in families(rows):
        wanted = torch.zeros(len(longest) - 1, dtype=torch.bool)
        for member in members:
            wanted[: len(masks[member])] |= masks[member]
        # A family without a trained token still needs a graph: its gradient is zero, not missing.
        sites = wanted.nonzero().flatten() if wanted.any() else torch.zeros(1, dtype=torch.long)
        logits = model(input_ids=longest.unsqueeze(0), use_cache=False, logits_to_keep=sites).logits[0]
        selected = vocab_parallel_selected_logprobs(logits, longest[sites + 1])
        spread = torch.zeros(len(wanted)).index_copy(0, sites, selected)
        for member in members:
            pieces[member] = spread[: len(masks[member])]
    return torch.cat(pieces)


def families(rows: list[torch.Tensor]) -> Iterator[tuple[torch.Tensor, list[int]]]:
    """Rows that begin with each other, and the longest of them, which stands for all: a causal model sees no difference."""
    left = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
    while left:
        longest = rows[left[0]]
        members = [index for index in left if torch.equal(longest[: len(rows[index])], rows[index])]
        yield longest, members
        left = [index for index in left if index not in members]
