"""Keeps a module that has the mark `xdist_group` on one worker, so that what its tests share is made once.

`--dist loadgroup` would do it, but pytest-xdist 3.8 puts the group into an attribute that pytest 9.2 never reads.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

    class Grouped(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return path if _is_one_group(config.rootpath / path) else nodeid

    return Grouped(config, log)


@functools.cache
def _is_one_group(file: Path) -> bool:
    return file.suffix == ".py" and "pytestmark = pytest.mark.xdist_group(" in file.read_text()
