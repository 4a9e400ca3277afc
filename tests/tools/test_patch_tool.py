"""`apply_patch` in a real workspace: all of a patch or nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from coding_agent.sandbox.base import Refused, Sandbox
from coding_agent.tools.base import ToolAnswer

Fill = Callable[[Mapping[str, bytes]], Awaitable[None]]
Call = Callable[..., Awaitable[ToolAnswer]]

EVERYTHING = """\
diff --git a/m.py b/m.py
--- a/m.py
+++ b/m.py
@@ -1,2 +1,2 @@
 a
-b
+B
--- /dev/null
+++ b/new/n.py
@@ -0,0 +1,2 @@
+one
+two
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/r.py b/s.py
rename from r.py
rename to s.py
"""
BEFORE = {"m.py": b"a\nb\n", "old.py": b"gone\n", "r.py": b"moved\n"}


async def content(sandbox: Sandbox, path: str) -> bytes | None:
    try:
        return (await sandbox.read(path, max_bytes=1000)).data
    except Refused:
        return None


async def test_one_patch_changes_creates_deletes_and_renames(sandbox: Sandbox, fill: Fill, call: Call) -> None:
    await fill(BEFORE)
    answer = await call("apply_patch", patch=EVERYTHING)
    said = "Applied.\nM m.py +1 -1\nA new/n.py +2 -0\nD old.py +0 -1\nR r.py -> s.py +0 -0"
    assert (answer.outcome, answer.text) == ("ok", said)
    got = {path: await content(sandbox, path) for path in ("m.py", "new/n.py", "old.py", "r.py", "s.py")}
    assert got == {"m.py": b"a\nB\n", "new/n.py": b"one\ntwo\n", "old.py": None, "r.py": None, "s.py": b"moved\n"}


async def test_the_answer_holds_every_change(fill: Fill, call: Call) -> None:
    await fill(BEFORE)
    answer = await call("apply_patch", patch=EVERYTHING)
    assert answer.changes is not None
    assert [(change.kind, change.path) for change in answer.changes.files] == [
        ("modify", "m.py"), ("add", "new/n.py"), ("delete", "old.py"), ("delete", "r.py"), ("add", "s.py"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("old.py", b"other\n", "old.py, hunk 1 (@@ -1,1 +0,0 @@): its context is not in the file."),
        ("new/n.py", b"", "new/n.py: it is there already."),
        ("s.py", b"", "s.py: it is there already."),
        ("m.py", b"a\nc\n", "m.py, hunk 1 (@@ -1,2 +1,2 @@): its context is not in the file."),
    ],
)
async def test_one_file_that_does_not_fit_leaves_all_files_as_they_were(
    sandbox: Sandbox, fill: Fill, call: Call, path: str, data: bytes, said: str
) -> None:
    files = {**BEFORE, path: data}
    await fill(files)
    answer = await call("apply_patch", patch=EVERYTHING)
    assert answer.text.startswith(f"Patch not applied.\n{said}")
    assert {name: await content(sandbox, name) for name in files} == files
    assert (await sandbox.changes()).files == ()


async def test_a_file_that_is_not_there_is_named(call: Call) -> None:
    answer = await call("apply_patch", patch="--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert (answer.outcome, answer.changes) == ("error", None)
    assert answer.text.startswith("Patch not applied.\nx.py: not found")


async def test_a_patch_of_more_lines_than_are_taken_at_once_says_so(fill: Fill, call: Call) -> None:
    answer = await call("apply_patch", patch="--- /dev/null\n+++ b/f\n@@ -0,0 +1,20000 @@\n" + "+a\n" * 20000)
    said = "it has 20003 lines, more than the 10000 that are taken at once. Make several of it"
    assert (answer.outcome, said in answer.text) == ("error", True)


async def test_a_file_of_more_lines_than_can_be_patched_says_so(fill: Fill, call: Call) -> None:
    await fill({"f": b"\n" * 200_001})
    answer = await call("apply_patch", patch="--- a/f\n+++ b/f\n@@ -1 +1 @@\n-\n+a\n")
    assert answer.text == "Patch not applied.\nf: 200001 lines, more than the 200000 that can be patched."


async def test_a_patch_of_more_bytes_than_are_taken_at_once_says_so(fill: Fill, call: Call) -> None:
    await fill({f"f{n}": b"a\n" + bytes(4_000_000) for n in range(9)})
    files = (f"--- a/f{n}\n+++ b/f{n}\n@@ -1 +1 @@\n-a\n+b\n" for n in range(9))
    answer = await call("apply_patch", patch="".join(files))
    said = "Patch not applied.\nits files have more than 33554432 bytes together. Make several patches of it."
    assert (answer.outcome, answer.text, answer.changes) == ("error", said, None)


async def test_an_executable_file_stays_executable_when_it_is_renamed(fill: Fill, call: Call) -> None:
    await fill({"r.py": b"moved\n"})
    await call("run_command", command="chmod +x r.py")
    patch = "diff --git a/r.py b/s.py\nrename from r.py\nrename to s.py\n"
    changes = (await call("apply_patch", patch=patch)).changes
    assert changes is not None
    assert [(change.path, change.executable) for change in changes.files if change.kind == "add"] == [("s.py", True)]
