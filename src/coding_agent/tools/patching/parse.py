"""Patch text to values, with unidiff; and the refusal of everything that is not a change of text files in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk as UnidiffHunk
from unidiff.patch import PatchedFile, PatchSet

from coding_agent.tools.patching.counts import with_true_counts
from coding_agent.tools.patching.paths import check_path, path_pair, unquoted
from coding_agent.tools.patching.values import FilePatch, Hunk, PatchLine, PatchRefused

_NULL = "/dev/null"
_MODES = re.compile(r"(?:new file mode|new mode|deleted file mode|old mode) (\d+)|index \S+ (\d+)")
_FILE_MODES = frozenset({"100644", "100755"})


def parse_patch(patch: str) -> tuple[FilePatch, ...]:
    """The files that `patch` changes, each once. Raises PatchRefused."""
    lines, outside = with_true_counts(patch)
    _refuse_what_is_not_text(outside)
    try:
        # Lines, not one string: every version of unidiff then splits where the patch does.
        parsed = PatchSet(lines)
    except UnidiffParseError as error:
        raise PatchRefused(f"it is not a unified diff: {str(error).strip()}.") from error
    files = tuple(_file(file) for file in parsed)
    if not files:
        raise PatchRefused("it changes nothing: expected `--- a/path`, `+++ b/path` and `@@` hunks.")
    _refuse_twice(files)
    return files


def _refuse_what_is_not_text(outside: Iterable[str]) -> None:
    for line in outside:
        # Both are also lines that unidiff's patterns take the square of their length to read.
        if line.startswith(("GIT binary patch", "Binary file ", "Binary files ")):
            raise PatchRefused("binary changes are not taken; make them with `run_command`.")
        if line.startswith("diff --git ") and "://" in line:
            raise PatchRefused(f"write paths without empty parts; found {line[:80]!r}.")
        if line.startswith(("copy from ", "copy to ")):
            raise PatchRefused("copies are not taken; add the new file as a whole.")
        mode = _MODES.match(line)
        if mode and (mode[1] or mode[2]) not in _FILE_MODES:
            raise PatchRefused(f"symbolic links and submodules are not taken (mode {mode[1] or mode[2]}).")


def _file(file: PatchedFile) -> FilePatch:
    info = [str(line).rstrip("\r\n") for line in file.patch_info or ()]
    renamed = [unquoted(line.partition(" ")[2].partition(" ")[2]) for line in info if line.startswith("rename ")]
    source, target = unquoted(file.source_file or ""), unquoted(file.target_file or "")
    hunks = tuple(_hunk(number, hunk) for number, hunk in enumerate(file, 1))
    modes = [line.rpartition(" ")[2] for line in info if line.startswith(("new mode ", "new file mode "))]
    executable = modes[0] == "100755" if modes else None
    if source == _NULL and target == _NULL:
        raise PatchRefused("`/dev/null` on both sides of a file.")
    if len(renamed) == 2:
        patch = FilePatch(kind="R", source=renamed[0], target=renamed[1], executable=executable, hunks=hunks)
    else:
        old, new = path_pair(source, target)
        kind = "A" if source == _NULL else "D" if target == _NULL else "M"
        patch = FilePatch(kind=kind, source=old, target=new, executable=executable, hunks=hunks)  # type: ignore[arg-type]
    for path in {patch.source, patch.target}:
        check_path(path)
    _refuse_without_hunks(patch)
    return patch


def _refuse_without_hunks(patch: FilePatch) -> None:
    if patch.kind == "M" and not patch.hunks:
        if patch.executable is not None:
            raise PatchRefused(f"{patch.target}: only its mode would change; use `chmod` with `run_command`.")
        raise PatchRefused(f"{patch.target}: it has no hunks; nothing would change.")
    for hunk in patch.hunks:
        if not any(line.kind != " " for line in hunk.lines):
            raise PatchRefused(f"{patch.target}, hunk {hunk.number} ({hunk.header}): it changes nothing.")
        if patch.kind == "A" and hunk.old:
            raise PatchRefused(
                f"{patch.target}: a new file has only `+` lines, found {hunk.old[0].kind + hunk.old[0].text!r}."
            )
        if patch.kind == "D" and hunk.new:
            raise PatchRefused(
                f"{patch.source}: a deletion has only `-` lines, found {hunk.new[0].kind + hunk.new[0].text!r}."
            )


def _said(lines: Sequence[PatchLine]) -> str:
    return repr(lines[0].kind + lines[0].text[:80])


def _hunk(number: int, hunk: UnidiffHunk) -> Hunk:
    lines: list[PatchLine] = []
    for line in hunk:
        text = line.value.removesuffix("\n")
        if line.line_type == "\\":
            if lines:
                lines[-1] = PatchLine(kind=lines[-1].kind, text=lines[-1].text, newline=False)
        elif line.line_type == " ":
            lines.append(PatchLine(kind=" ", text=text))
        elif line.line_type in ("+", "-"):
            lines.append(PatchLine(kind="+" if line.line_type == "+" else "-", text=text))
    header = f"@@ -{hunk.source_start},{hunk.source_length} +{hunk.target_start},{hunk.target_length} @@"
    return Hunk(number=number, start=hunk.source_start, header=header, lines=tuple(lines))


def _refuse_twice(files: tuple[FilePatch, ...]) -> None:
    seen: set[str] = set()
    for file in files:
        paths = {file.source, file.target}
        if twice := sorted(seen & paths):
            raise PatchRefused(f"{twice[0]}: it is in the patch twice; put all its hunks under one header.")
        seen |= paths
