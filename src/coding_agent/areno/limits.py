"""The limits that AReno will hold a step's rows to. Not all are public: what is not found is said, not guessed."""

from __future__ import annotations

from typing import Any

import attrs
import structlog

from coding_agent.areno.config import ArenoConfig
from coding_agent.events.values import JSON

DEFAULT_NEW_TOKENS = 1024
_log = structlog.get_logger("coding_agent.areno")


@attrs.frozen(kw_only=True)
class StepLimits:
    """In tokens. `sampling` is what AReno samples with, for the record."""

    context: int | None
    max_new_tokens: int
    sampling: dict[str, JSON]


def limits_of(ctx: Any, config: ArenoConfig) -> StepLimits:
    """From the session's sampling parameters and the model's context, the smallest of those that are known."""
    params = getattr(ctx, "_sampling_params", None)
    told = {name: _number(params, name) for name in ("temperature", "top_p", "top_k")}
    new_tokens = _number(params, "max_new_tokens")
    return StepLimits(
        context=_context(ctx, params, config),
        max_new_tokens=config.max_new_tokens or int(new_tokens or DEFAULT_NEW_TOKENS),
        sampling={name: value for name, value in told.items() if value is not None},
    )


def _context(ctx: Any, params: Any, config: ArenoConfig) -> int | None:
    asked, prompt = _number(params, "max_context_len"), _number(params, "max_prompt_len")
    if asked is None and prompt is not None:
        # The proxy then holds the whole conversation to the limit that was meant for the first prompt.
        _log.warning("without --max-context-len AReno ends conversations at --max-prompt-tokens", tokens=int(prompt))
    known = [asked if asked is not None else prompt, _model_context(ctx), config.context_tokens]
    limits = [int(limit) for limit in known if limit is not None]
    return min(limits, default=None)


def _model_context(ctx: Any) -> float | None:
    try:
        found = ctx._trainer.model_context_len()  # noqa: SLF001  AReno filters by it and shows it nowhere else
    except (AttributeError, RuntimeError):
        return None
    return found if isinstance(found, int) else None


def _number(params: Any, name: str) -> float | None:
    value = getattr(params, name, None)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
