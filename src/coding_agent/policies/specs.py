"""Policy specs, as the command line writes them. Parsing only; who builds the policy is the caller's affair."""

from __future__ import annotations

import difflib
import re
from typing import Literal, cast

import attrs

from coding_agent.errors import UsageError
from coding_agent.events.values import JSON
from coding_agent.policies.options import read_options

Kind = Literal["repair", "gold", "scripted", "recorded", "openai"]
FORMS = ("repair", "gold", "scripted:FILE", "recorded:LOG", "openai:MODEL@BASE_URL[?OPTION=VALUE&…]")
_ENDPOINT = re.compile(r"(?P<model>.+)@(?P<url>https?://[^?]+)(\?(?P<query>.*))?")


@attrs.frozen(kw_only=True)
class PolicySpec:
    """`argument` is the file or the model; `base_url` and `options` only with `openai`."""

    kind: Kind
    argument: str = ""
    base_url: str = ""
    options: dict[str, JSON] = attrs.field(factory=dict)


def parse_policy_spec(text: str) -> PolicySpec:
    """Raises UsageError with the forms, and the nearest kind."""
    kind, colon, rest = text.partition(":")
    forms = ", ".join(FORMS)
    kinds = [form.partition(":")[0] for form in FORMS]
    if kind not in kinds:
        near = difflib.get_close_matches(kind, kinds, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"policy: expected one of {forms}, found {text!r}.{hint}")
    known = cast("Kind", kind)
    if known in {"repair", "gold"}:
        if colon:
            raise UsageError(f"policy: {kind} takes nothing after it, found {text!r}")
        return PolicySpec(kind=known)
    if known != "openai":
        if not rest:
            raise UsageError(f"policy: {kind} needs a file, as in {kind}:FILE")
        return PolicySpec(kind=known, argument=rest)
    found = _ENDPOINT.fullmatch(rest)
    if found is None:
        raise UsageError(f"policy: expected openai:MODEL@BASE_URL with http:// or https://, found {text!r}")
    options = read_options(found["query"] or "")
    return PolicySpec(kind=known, argument=found["model"], base_url=found["url"], options=options)
