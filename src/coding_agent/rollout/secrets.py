"""Which secrets the harness has: environment variables whose names say so, and passwords in the URLs of others."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from coding_agent.events.redact import Secrets

NAMES = (
    "*_KEY", "*APIKEY", "*TOKEN", "*_PAT", "*SECRET*", "*CREDENTIAL*",
    "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*_PASS", "*_PWD",
)  # fmt: skip
"""Environment variables whose values are secrets, whatever the case of their names."""
_URL = re.compile(r"[a-zA-Z][\w+.-]*://[^/@:\s]*:([^/@\s]+)@")
SETTING = "CODING_AGENT_SECRETS"
"""More patterns of names, separated by commas; one that begins with `!` names variables that are no secrets."""


def secrets_of(environment: Mapping[str, str]) -> Secrets:
    """The secrets in an environment, by the names of its variables."""
    own = [each.strip() for each in environment.get(SETTING, "").split(",") if each.strip()]
    wanted = [*NAMES, *(each for each in own if not each.startswith("!"))]
    spared = [each[1:] for each in own if each.startswith("!")]
    found: dict[str, str] = {}
    for name, value in environment.items():
        if name == SETTING or _matches(name, spared):
            continue
        if _matches(name, wanted):
            found[name] = value
        elif (password := _URL.match(value)) is not None:
            found[name] = unquote(password[1])
    return Secrets.of(found)


def own_secrets() -> Secrets:
    """Those in the environment of this process."""
    return secrets_of(os.environ)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
