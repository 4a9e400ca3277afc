"""The runtime under the Pythons that images bring, older than the one that the package itself needs."""

from __future__ import annotations

import pytest

from coding_agent.sandbox import places
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.local import LocalBackend
from tests import pythons
from tests.sandbox.steps import Steps, write


@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
async def test_the_runtime_works_under_older_pythons(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        executable = pythons.executable(version)
    except pythons.Missing as missing:
        pytest.skip(str(missing))
    monkeypatch.setattr(places, "python", lambda: places.Python(executable, None))
    async with LocalBackend().open(SandboxSpec()) as sandbox:
        steps = Steps(sandbox)
        await steps.put({"a": "needle\n", "d/b": "2"})
        assert (await steps.python("import sys; print(*sys.version_info[:2], sep='.')")) == version
        assert len((await sandbox.list(".", depth=2, max_entries=9)).entries) == 3
        found = await sandbox.search("needle", path=".", glob=None, ignore_case=False, max_matches=9, timeout_s=99)
        assert [match.path for match in found.matches] == ["a"]
        assert [change.path for change in (await sandbox.edit([write("a", "x", "any")])).files] == ["a"]
        assert await steps.text("a") == "x"
