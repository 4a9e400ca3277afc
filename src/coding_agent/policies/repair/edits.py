"""Source-level edits and unified diffs: how a changed span becomes a patch. Knows nothing of why a span changes."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Mapping

import attrs
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchedFile, PatchSet

CONTEXTS = (3, 8, 20, 60, 10_000)
"""Lines of context to try, until every hunk can be told apart from the rest of the file."""


@attrs.frozen(kw_only=True)
class Edit:
    """Characters `start` to `end` of one file give way to `text`."""

    path: str
    start: int
    end: int
    text: str
    line: int
    """Where the change is felt, from 1: what a trace would have to visit."""
    family: str
    prior: float
    """How often a bug of this family is what is wrong, before any test has spoken; 0 to 1."""
    note: str
    """The change in words, for the log."""


def changed(source: str, edit: Edit) -> str:
    """The file after the edit."""
    return source[: edit.start] + edit.text + source[edit.end :]


def overlay_key(overlay: Mapping[str, str | None]) -> str:
    """A short name for a set of changed files. The same changes always get the same name."""
    sha = hashlib.sha256()
    for path in sorted(overlay):
        text = overlay[path]
        sha.update(f"{path}\0{'-' if text is None else '+' + text}\0".encode("utf-8", "surrogatepass"))
    return sha.hexdigest()[:12]


def split(text: str) -> list[str]:
    """Lines with their newline; only `\\n` ends a line."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def patch_between(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> str:
    """One unified diff that takes the files of `before` to those of `after`; None stands for no such file."""
    parts = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old != new:
            parts.append(_file_diff(path, old, new))
    return "".join(parts)


def patched(files: Mapping[str, str], patch: str) -> dict[str, str | None]:
    """What `patch` makes of the files it names; a path whose outcome can not be known is left out of the answer.

    Raises ValueError for text that is no unified diff.
    """
    out: dict[str, str | None] = {}
    for file in _parsed(patch):
        if file.target_file == "/dev/null":
            out[file.path] = None
            continue
        if file.is_rename:
            out[_bare(file.source_file)] = None
        base = "" if file.source_file == "/dev/null" else files.get(_bare(file.source_file))
        text = None if base is None else _hunks_applied(base, file)
        if text is not None:
            out[file.path] = text
    return out


def paths_of(patch: str) -> tuple[str, ...]:
    """Every path that `patch` names. Raises ValueError for text that is no unified diff."""
    return tuple(sorted({p for file in _parsed(patch) for p in (file.path, _bare(file.source_file))}))


def _bare(name: str) -> str:
    return name.removeprefix("a/")


@functools.lru_cache(maxsize=256)
def _parsed(patch: str) -> tuple[PatchedFile, ...]:
    try:
        return tuple(PatchSet(patch))
    except UnidiffParseError as error:
        raise ValueError(str(error)) from error


def _file_diff(path: str, old: str | None, new: str | None) -> str:
    source = "/dev/null" if old is None else f"a/{path}"
    target = "/dev/null" if new is None else f"b/{path}"
    old_lines, new_lines = split(old or ""), split(new or "")
    lines: list[str] = []
    for context in CONTEXTS:
        lines = list(difflib.unified_diff(old_lines, new_lines, source, target, n=context))
        if all(_occurs_once(old_lines, hunk) for hunk in _old_sides(lines)):
            break
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _old_sides(lines: list[str]) -> list[list[str]]:
    sides: list[list[str]] = []
    for line in lines[2:]:
        if line.startswith("@@"):
            sides.append([])
        elif line[0] in " -":
            sides[-1].append(line[1:])
    return sides


def _occurs_once(lines: list[str], part: list[str]) -> bool:
    return len(_places(lines, part)) == 1 or not part


def _places(lines: list[str], part: list[str]) -> list[int]:
    size = len(part)
    return [i for i in range(len(lines) - size + 1) if lines[i : i + size] == part]


def _hunks_applied(base: str, file: PatchedFile) -> str | None:
    lines, out, done = split(base), list[str](), 0
    for hunk in file:
        old, new = _sides(hunk)
        places = _places(lines, old) if old else [0]
        if not places:
            return None
        hint = hunk.source_start - 1
        place = hint if hint in places else places[0]
        if place < done:
            return None
        out += [*lines[done:place], *new]
        done = place + len(old)
    return "".join([*out, *lines[done:]])


def _sides(hunk: Hunk) -> tuple[list[str], list[str]]:
    old: list[str] = []
    new: list[str] = []
    last: tuple[list[str], ...] = ()
    for line in hunk:
        if line.line_type == "\\":
            for side in last:
                side[-1] = side[-1].removesuffix("\n")
            continue
        last = {"-": (old,), "+": (new,)}.get(line.line_type, (old, new))
        for side in last:
            side.append(line.value)
    return old, new
