"""The operational log: for people, never a source of truth. Tracebacks without local variables, and without secrets."""

from __future__ import annotations

from typing import Any

import structlog

from coding_agent.rollout.secrets import own_secrets


def processors(*, console: bool = False, colours: bool = False) -> list[Any]:
    """What becomes of an entry on its way to a line; `console`: as structlog shows it by default, fields as given."""
    render = (
        [
            structlog.dev.set_exc_info,
            structlog.dev.ConsoleRenderer(
                colors=colours, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if console
        else [
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ]
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *render,
        _without_secrets,
    ]


def _without_secrets(_logger: object, _method: str, line: Any) -> Any:
    return own_secrets().scrub(line)[0]
