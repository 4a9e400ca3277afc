"""Which secrets the harness has: the values of environment variables whose names say so."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping, Sequence

from coding_agent.events.redact import Secrets

NAMES = ("*_KEY", "*_TOKEN", "*SECRET*", "*PASSWORD*", "*PASSWD*")
"""Environment variables whose values are secrets, whatever the case of their names."""
SETTING = "CODING_AGENT_SECRETS"
"""More patterns of names, separated by commas; one that begins with `!` names variables that are no secrets."""


def secrets_of(environment: Mapping[str, str]) -> Secrets:
    """The secrets in an environment, by the names of its variables."""
    own = [each.strip() for each in environment.get(SETTING, "").split(",") if each.strip()]
    wanted = [*NAMES, *(each for each in own if not each.startswith("!"))]
    spared = [each[1:] for each in own if each.startswith("!")]
    return Secrets.of(
        {
            name: value for name, value in environment.items()
            if name != SETTING and _matches(name, wanted) and not _matches(name, spared)
        }
    )  # fmt: skip


def own_secrets() -> Secrets:
    """Those in the environment of this process."""
    return secrets_of(os.environ)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
