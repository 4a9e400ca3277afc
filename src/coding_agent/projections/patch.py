"""The patch: a git-style unified diff of everything that an episode changed, or had changed by some turn."""

from __future__ import annotations

import difflib
import hashlib
import struct
import zlib
from base64 import b64decode, b85encode
from collections.abc import Callable, Iterable, Iterator

import attrs

from coding_agent.events.schema import Event, ModelTurn, TestRun, ToolResult
from coding_agent.events.values import FileChange, FileContent

ReadBlob = Callable[[str], bytes]


@attrs.frozen(kw_only=True)
class Side:
    """One side of a path's change; None in its place means that there is no file."""

    data: bytes
    mode: str


@attrs.frozen(kw_only=True)
class FileDiff:
    """What an episode did to one path."""

    path: str
    old: Side | None
    new: Side | None


def patch(events: Iterable[Event], read_blob: ReadBlob, *, until_turn: int | None = None) -> str:
    """The diff from the task's files to the workspace at the end, or after turn `until_turn`."""
    return "".join(render(diff) for diff in file_diffs(events, read_blob, until_turn=until_turn))


def file_diffs(events: Iterable[Event], read_blob: ReadBlob, *, until_turn: int | None = None) -> tuple[FileDiff, ...]:
    """Per changed path, sorted; a path whose changes cancel out is not there."""
    old: dict[str, Side | None] = {}
    new: dict[str, Side | None] = {}
    for change in _changes(events, until_turn):
        if change.path not in old:
            old[change.path] = None if change.before is None else _side(change.before, read_blob)
            new[change.path] = old[change.path]
        new[change.path] = _after(change, new[change.path], read_blob)
    return tuple(FileDiff(path=path, old=old[path], new=new[path]) for path in sorted(old) if old[path] != new[path])


def render(diff: FileDiff) -> str:
    """One path's diff, as git writes it."""
    old, new = diff.old, diff.new
    head = [f"diff --git a/{diff.path} b/{diff.path}\n"]
    if old is None and new is not None:
        head.append(f"new file mode {new.mode}\n")
    elif new is None and old is not None:
        head.append(f"deleted file mode {old.mode}\n")
    elif old is not None and new is not None and old.mode != new.mode:
        head += [f"old mode {old.mode}\n", f"new mode {new.mode}\n"]
    before, after = (b"" if side is None else side.data for side in (old, new))
    head.append(f"index {_git_hash(old)}..{_git_hash(new)}\n")
    if before == after:
        return "".join(head)
    if b"\0" in before + after or not (_is_text(before) and _is_text(after)):
        return "".join(head) + "GIT binary patch\n" + _literal(after) + _literal(before)
    names = ("/dev/null" if old is None else f"a/{diff.path}", "/dev/null" if new is None else f"b/{diff.path}")
    lines = difflib.unified_diff(_lines(before), _lines(after), *names)
    return "".join(head) + "".join(_terminated(lines))


def _git_hash(side: Side | None) -> str:
    # git wants the full names of both blobs before it applies a binary patch.
    if side is None:
        return "0" * 40
    return hashlib.sha1(b"blob %d\0" % len(side.data) + side.data, usedforsecurity=False).hexdigest()


def _changes(events: Iterable[Event], until_turn: int | None) -> Iterator[FileChange]:
    for event in events:
        if isinstance(event, ModelTurn) and until_turn is not None and event.turn > until_turn:
            return
        if isinstance(event, ToolResult | TestRun) and event.changes is not None:
            yield from event.changes.files


def _after(change: FileChange, before: Side | None, read_blob: ReadBlob) -> Side | None:
    if change.kind == "delete":
        return None
    if change.kind == "mode":
        return None if before is None else attrs.evolve(before, mode="100755" if change.executable else "100644")
    content = FileContent(
        executable=change.executable,
        symlink=change.kind == "symlink",
        text=change.text,
        base64=change.base64,
        blob=change.blob,
    )
    return _side(content, read_blob)


def _side(content: FileContent, read_blob: ReadBlob) -> Side:
    if content.blob is not None:
        data = read_blob(content.blob)
    elif content.base64 is not None:
        data = b64decode(content.base64)
    else:
        data = (content.text or "").encode()
    return Side(data=data, mode="120000" if content.symlink else "100755" if content.executable else "100644")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines(data: bytes) -> list[str]:
    # Only \n ends a line: str.splitlines would also cut at form feeds and U+2028.
    text = data.decode()
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _terminated(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _literal(data: bytes) -> str:
    # git's binary patch: a zlib stream, base 85, 52 bytes a line, each line led by its length as A to Z, then a to z.
    packed = _stored(data)
    rows = [packed[i : i + 52] for i in range(0, len(packed), 52)]
    sizes = [chr(64 + len(row)) if len(row) <= 26 else chr(70 + len(row)) for row in rows]
    body = "".join(size + b85encode(row, pad=True).decode() + "\n" for size, row in zip(sizes, rows, strict=True))
    return f"literal {len(data)}\n{body}\n"


def _stored(data: bytes) -> bytes:
    """A zlib stream (RFC 1950, 1951) that only stores: what compressing gives depends on the zlib that is linked."""
    blocks = [data[i : i + 0xFFFF] for i in range(0, len(data), 0xFFFF)] or [b""]
    last = len(blocks) - 1
    heads = (struct.pack("<BHH", n == last, len(block), len(block) ^ 0xFFFF) for n, block in enumerate(blocks))
    body = b"".join(head + block for head, block in zip(heads, blocks, strict=True))
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data))
