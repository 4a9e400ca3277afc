"""`apply_patch`: a unified diff, computed wholly on this side and written by one all-or-nothing edit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.sandbox.base import FileRead, PathEdit, Refused
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.patching.parse import parse_patch
from coding_agent.tools.patching.result import changed, check_deleted, created
from coding_agent.tools.patching.values import FilePatch, PatchRefused
from coding_agent.tools.refusals import refusal_answer
from coding_agent.tools.schema import About

MAX_FILE = 4 << 20
"""Bytes of the largest file that is patched."""
MAX_FILE_LINES = 200_000
MAX_LINES = 10_000
"""Of a patch: it is read and placed where every other episode waits for its turn."""
MAX_WRITTEN = 32 << 20
"""Bytes of all its files together: they are in the memory of the harness at once."""


@attrs.frozen(kw_only=True)
class ApplyPatch:
    patch: Annotated[
        str, About("A unified diff: `--- a/path`, `+++ b/path`, then `@@` hunks with lines of context.", 1, 1_000_000)
    ]


async def apply_patch(arguments: ApplyPatch, context: ToolContext) -> ToolAnswer:
    """Apply all of it, or say why none of it was."""
    try:
        _refuse_too_long(arguments.patch)
        files = parse_patch(unescape(arguments.patch))
        changes = await context.sandbox.edit(await _all_edits(files, context))
    except PatchRefused as refused:
        return ToolAnswer(outcome="error", text=f"Patch not applied.\n{refused}")
    except Refused as refused:
        answer = refusal_answer(refused)
        return attrs.evolve(answer, text=f"Patch not applied.\n{answer.text}")
    text = "\n".join(["Applied.", *(file.summary for file in files)])
    return ToolAnswer(outcome="ok", text=text, changes=changes)


def _refuse_too_long(patch: str) -> None:
    lines = patch.count("\n")
    if lines > MAX_LINES:
        advice = "Make several of it, or write whole files with `write_file`."
        raise PatchRefused(f"it has {lines} lines, more than the {MAX_LINES} that are taken at once. {advice}")


async def _all_edits(files: Iterable[FilePatch], context: ToolContext) -> list[PathEdit]:
    """Raises PatchRefused and Refused."""
    edits: list[PathEdit] = []
    size = 0
    for file in files:
        found = await _edits(file, context)
        size += sum(len(edit.data or b"") for edit in found)
        if size > MAX_WRITTEN:
            raise PatchRefused(f"its files have more than {MAX_WRITTEN} bytes together. Make several patches of it.")
        edits += found
    return edits


async def _edits(file: FilePatch, context: ToolContext) -> tuple[PathEdit, ...]:
    """What the patch of one file comes to. Raises PatchRefused and Refused."""
    if file.kind in {"A", "R"}:
        await _check_absent(file.target, context)
    if file.kind == "A":
        return (PathEdit(path=file.target, data=created(file), executable=file.executable),)
    old = await _read(file, context)
    if file.kind == "D":
        check_deleted(file, old.data)
        return (PathEdit(path=file.source, data=None, expected_sha256=old.sha256),)
    data = changed(file, old.data)
    if file.kind == "M":
        return (PathEdit(path=file.target, data=data, executable=file.executable, expected_sha256=old.sha256),)
    executable = old.executable if file.executable is None else file.executable
    return (
        PathEdit(path=file.source, data=None, expected_sha256=old.sha256),
        PathEdit(path=file.target, data=data, executable=executable),
    )


async def _read(file: FilePatch, context: ToolContext) -> FileRead:
    old = await context.sandbox.read(file.source, max_bytes=MAX_FILE)
    if old.size > len(old.data):
        raise PatchRefused(f"{file.source}: {old.size} bytes, more than the {MAX_FILE} that can be patched.")
    if (lines := old.data.count(b"\n")) > MAX_FILE_LINES:
        raise PatchRefused(f"{file.source}: {lines} lines, more than the {MAX_FILE_LINES} that can be patched.")
    return old


async def _check_absent(path: str, context: ToolContext) -> None:
    """Raises PatchRefused for a path that is taken."""
    try:
        await context.sandbox.read(path, max_bytes=1)
    except Refused as refused:
        if refused.code == "not_found":
            return
        raise
    raise PatchRefused(f"{path}: it is there already. To change it, give its path on the `---` line, not `/dev/null`.")


TOOL = Tool(
    name="apply_patch",
    description=(
        "Change files by a unified diff; every hunk is applied or none. Creates (`--- /dev/null`), deletes "
        "(`+++ /dev/null`) and renames (`rename from`, `rename to`). Line numbers are hints, context is exact."
    ),
    arguments=ApplyPatch,
    run=apply_patch,
)
