"""The `--sandbox` option of every command that has one."""

from __future__ import annotations

import functools

import click

from coding_agent.errors import UsageError
from coding_agent.sandbox.registry import KINDS, make_backend


def sandbox_kind(value: str) -> str:
    """A backend's spelling, as `make_backend` takes it."""
    try:
        make_backend(value)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error
    return value


sandbox_option = functools.partial(click.option, "--sandbox", type=sandbox_kind, metavar="|".join(KINDS))
