"""The file of a run's own reward, as it was: its code is in no log, and with other code all rewards may be others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "reward_sha256"
"""In `[areno]` of `run.toml`, beside the options; what the file imports from beside it is not in it."""


def recorded(source: str | None) -> dict[str, str]:
    """What a new run writes down of its reward `FILE[:FN]`; nothing of the default one."""
    digest = _digest(source)
    return {} if digest is None else {KEY: digest}


def changed(told: Mapping[str, Any]) -> str | None:
    """What to say if the file is not that of the training run whose `[areno]` this is; None: it is, or nobody knows."""
    source = told.get("reward")
    digest = _digest(source)
    if KEY not in told or digest is None or digest == told[KEY]:
        return None
    return (
        f"{source} is not the file that the run was begun with (SHA-256 {told[KEY][:12]} then, {digest[:12]} now): "
        "rewards may differ from those that were trained on"
    )


def _digest(source: str | None) -> str | None:
    try:
        return None if source is None else hashlib.sha256(Path(source.partition(":")[0]).read_bytes()).hexdigest()
    except OSError:  # whoever loads it says so
        return None
