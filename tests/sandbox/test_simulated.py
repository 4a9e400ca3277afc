"""The simulated sandbox beside the real one: the same requests, the same answers, or a refusal that says so."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coding_agent.sandbox.base import PathEdit, Refused, Sandbox, SandboxSpec
from coding_agent.sandbox.local import LocalBackend
from coding_agent.sandbox.simulated import SimulatedBackend
from tests.patience import PATIENCE_S
from tests.sandbox.steps import Steps

FILES = {
    "a.py": "Alpha beta\nif x {2}\n\ta-b_c\r\n", "b/c.txt": "über 42\nno newline", "b/a.py": "x\n\nx2 [a] (b) \\d\n",
    "b/d/e.md": "# x.y.z\nIF\naaa", "test-1": "",
}  # fmt: skip
PIECES = [
    "a", "A", "x", "if", "ü", "2", " ", "\\d", "\\w", "\\s", "\\b", "^", "$", ".", "*", "+", "?", "{2}", "{1,}", "[a-c]",
    "[^a]", "(a|b)", "(?:x)", "(?i)", "|", "\\.", "\\[", "(", "]", "{", "}", "\\D", "\\S", "&&", "[[", "\\p{L}", "(?=x)", "\\1",
    "-", "#", "\\x61", "\\t", "++", "(?P<n>a)",
]  # fmt: skip
PATTERNS = st.lists(st.sampled_from(PIECES), min_size=0, max_size=5).map("".join)
GLOBS = st.sampled_from(
    [None, "*.py", "b/*", "b/**", "**/c.txt", "{a,c}.*", "?.py", "d", "/a.py", "*.{py,md}", "b/**/*.md"]
)


async def found(sandbox: Sandbox, pattern: str, glob: str | None, *, ignore_case: bool) -> object:
    try:
        return await sandbox.search(
            pattern, path=".", glob=glob, ignore_case=ignore_case, max_matches=3, timeout_s=PATIENCE_S
        )
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_search_finds_what_ripgrep_finds_or_is_refused() -> None:
    async with LocalBackend().open(SandboxSpec()) as real, SimulatedBackend().open(SandboxSpec()) as simulated:
        await Steps(real).put(FILES)
        await Steps(simulated).put(FILES)
        asked: list[tuple[str, str | None, bool]] = []

        @settings(max_examples=150, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(PATTERNS, GLOBS, st.booleans())
        def draw(pattern: str, glob: str | None, ignore_case: bool) -> None:
            asked.append((pattern, glob, ignore_case))

        draw()
        agreed = 0
        for pattern, glob, ignore_case in asked:
            here = await found(simulated, pattern, glob, ignore_case=ignore_case)
            if here != "bad_pattern":
                agreed += 1
                assert here == await found(real, pattern, glob, ignore_case=ignore_case), (pattern, glob, ignore_case)
        assert agreed > len(asked) // 3


GOOD, ODD = ["a", "a/b", "a/b/c", "b", "d/x", "./b"], ["link", "link/x", "pipe", "", "../x", ".git/x", "x.pyc", "d/"]
PATHS = st.sampled_from(3 * GOOD + ODD)
DATA = st.sampled_from([None, b"", b"1", b"2"])
EXPECTED = st.sampled_from([None, *["any"] * 6, "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"])
EDITS = st.lists(
    st.builds(
        PathEdit, path=PATHS, data=DATA, executable=st.sampled_from([None, True, False]), expected_sha256=EXPECTED
    ),
    min_size=1,
    max_size=2,
)


async def answer(sandbox: Sandbox, edits: list[PathEdit]) -> object:
    try:
        return await sandbox.edit(edits)
    except Refused as refused:
        return (refused.code, refused.path, refused.detail)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_edits_are_made_and_refused_alike() -> None:
    async with LocalBackend().open(SandboxSpec()) as real, SimulatedBackend().open(SandboxSpec()) as simulated:
        drawn: list[list[PathEdit]] = []

        @settings(max_examples=300, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(EDITS)
        def draw(edits: list[PathEdit]) -> None:
            drawn.append(edits)

        draw()
        for sandbox in (real, simulated):
            await Steps(sandbox).put({"b": "1"})
            await Steps(sandbox).sh("ln -s b link; mkfifo pipe; mkdir d")
            await sandbox.changes()
        made = 0
        for edits in drawn:
            here = await answer(simulated, edits)
            assert here == await answer(real, edits), edits
            made += not isinstance(here, tuple)
        assert made > len(drawn) // 10
        assert await simulated.changes() == await real.changes()
