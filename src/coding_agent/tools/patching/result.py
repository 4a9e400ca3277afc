"""What a patch makes of a file. Line endings and a missing final newline stay as they are unless the patch says so."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.tools.patching.document import Document
from coding_agent.tools.patching.match import Placed, place
from coding_agent.tools.patching.values import FilePatch, Hunk, PatchLine, PatchRefused


def created(patch: FilePatch) -> bytes:
    """The content of a file that `patch` adds. Raises PatchRefused."""
    if len(patch.hunks) > 1:
        raise PatchRefused(f"{patch.target}: a new file has one hunk, found {len(patch.hunks)}.")
    lines = [line for hunk in patch.hunks for line in hunk.lines]
    text = "".join(line.text + ("\n" if line.newline else "") for line in lines)
    return text.encode("utf-8", "surrogateescape")


def changed(patch: FilePatch, data: bytes) -> bytes:
    """The content after the patch's hunks. Raises PatchRefused."""
    document = Document.of(data)
    loose, patch = _aligned(patch, document)
    compared = attrs.evolve(document, lines=_bare(document.lines)) if loose else document
    placed = place(patch, compared)
    if borrowed := loose and not document.final_newline and not document.lines[-1].endswith("\r"):
        document = attrs.evolve(document, lines=_with_last_ended(document.lines))
    lines: list[str] = []
    position, final_newline = 0, document.final_newline
    for each in placed:
        lines += document.lines[position : each.at]
        lines += _new_lines(each, document.lines, loose=loose)
        position = each.end
        if position == len(document.lines):
            final_newline = _ends(each, document)
    lines += document.lines[position:]
    if lines and not final_newline and loose and (borrowed or document.final_newline):
        lines[-1] = lines[-1].removesuffix("\r")
    return Document(lines=tuple(lines), final_newline=final_newline).data


def check_deleted(patch: FilePatch, data: bytes) -> None:
    """Raises PatchRefused unless the patch removes exactly this content."""
    document = Document.of(data)
    loose, patch = _aligned(patch, document)
    compared = attrs.evolve(document, lines=_bare(document.lines)) if loose else document
    removed = sum(placed.end - placed.at for placed in place(patch, compared))
    if removed != len(document.lines):
        what = f"the patch removes {removed} of its {len(document.lines)} lines"
        raise PatchRefused(f"{patch.source}: {what}; a deletion must hold all of it (or use `run_command`).")


def _aligned(patch: FilePatch, document: Document) -> tuple[bool, FilePatch]:
    """Whether carriage returns are left to the file, and the patch, without them if only the patch has any."""
    texts = [line.text for hunk in patch.hunks for line in hunk.lines]
    in_patch = [text.endswith("\r") for text in texts]
    in_file = any(line.endswith("\r") for line in document.lines)
    if in_file:
        return not any(in_patch), patch
    if all(in_patch) and document.lines:
        return False, attrs.evolve(patch, hunks=tuple(_without_returns(hunk) for hunk in patch.hunks))
    return False, patch


def _without_returns(hunk: Hunk) -> Hunk:
    return attrs.evolve(hunk, lines=tuple(attrs.evolve(line, text=line.text.removesuffix("\r")) for line in hunk.lines))


def _with_last_ended(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The last line with the carriage return that it would have if it were ended like the one before it."""
    return (*lines[:-1], lines[-1] + "\r") if lines[-2:-1] and lines[-2].endswith("\r") else lines


def _bare(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line.removesuffix("\r") for line in lines)


def _new_lines(placed: Placed, lines: Sequence[str], *, loose: bool) -> list[str]:
    """What stands where the hunk's old lines stood; kept lines keep their bytes."""
    out: list[str] = []
    position = placed.at
    for line in placed.hunk.lines:
        if line.kind == "+":
            out.append(line.text + (_return_at(placed, lines, position) if loose else ""))
        else:
            if line.kind == " ":
                out.append(lines[position])
            position += 1
    return out


def _return_at(placed: Placed, lines: Sequence[str], position: int) -> str:
    """The carriage return of the line before, of the hunk if it has one, else of the line after."""
    before = position - 1
    neighbour = before if before >= placed.at or position >= len(lines) else position
    return "\r" if lines[neighbour].endswith("\r") else ""


def _ends(placed: Placed, document: Document) -> bool:
    """Whether the file ends in a newline after a hunk that reaches its end."""
    old, new = placed.hunk.old, placed.hunk.new
    if new and not new[-1].newline:
        return False
    if old and not old[-1].newline:
        return True
    if _last_is_kept_from_before(placed.hunk.lines):
        return True
    return document.final_newline


def _last_is_kept_from_before(lines: Sequence[PatchLine]) -> bool:
    """The file's old last line goes, and nothing comes in its place: the line before it had its newline."""
    return (
        bool(lines)
        and lines[-1].kind == "-"
        and next((line.kind == " " for line in reversed(lines) if line.kind != "-"), True)
    )
