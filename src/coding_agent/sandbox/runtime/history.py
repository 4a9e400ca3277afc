"""A git repository made from nothing: one commit that holds the workspace as it is, and no other history.

Written byte by byte, the same for the same tree: no git is run, so neither hooks nor configuration have a say. The
objects are one pack, because each loose one would cost a page and an inode of the workspace.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zlib

from .files import clear
from .paths import DIRECTORY
from .tree import walk

WHO = b"task <task@localhost> 946684800 +0000"
CONFIG = (
    b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
    b"[user]\n\tname = agent\n\temail = agent@localhost\n"
)
_COMMIT, _TREE, _BLOB = (1, b"commit"), (2, b"tree"), (3, b"blob")


class Pack:
    """Objects, each once."""

    def __init__(self) -> None:
        self._objects: dict[bytes, tuple[int, bytes]] = {}

    def add(self, kind: tuple[int, bytes], content: bytes) -> bytes:
        """The object's name, as 20 bytes."""
        name = hashlib.sha1(kind[1] + b" %d\0" % len(content) + content).digest()
        self._objects[name] = (kind[0], content)
        return name

    def files(self) -> tuple[bytes, bytes]:
        """The contents of `.pack` and `.idx`."""
        pack, offsets = bytearray(struct.pack(">4sII", b"PACK", 2, len(self._objects))), {}
        sums = {}
        for name, (number, content) in self._objects.items():
            packed = _head(number, len(content)) + zlib.compress(content, 1)
            offsets[name], sums[name] = len(pack), zlib.crc32(packed)
            pack += packed
        pack += hashlib.sha1(pack).digest()
        names = sorted(offsets)
        index = bytearray(b"\xfftOc" + struct.pack(">I", 2))
        for first in range(256):
            index += struct.pack(">I", sum(name[0] <= first for name in names) if names else 0)
        index += b"".join(names)
        for column in (sums, offsets):
            index += b"".join(struct.pack(">I", column[name]) for name in names)
        index += pack[-20:]
        return bytes(pack), bytes(index + hashlib.sha1(index).digest())


def _head(number: int, size: int) -> bytes:
    first, size = number << 4 | size & 15, size >> 4
    head = bytearray()
    while size:
        head.append(first | 128)
        first, size = size & 127, size >> 7
    head.append(first)
    return bytes(head)


def begin(root: str) -> None:
    """Make `.git` anew, whatever it was. Raises OSError."""
    _forget(root)
    pack, rows = Pack(), []
    for path, info in walk(root):
        full = os.path.join(root, path)
        if stat.S_ISLNK(info.st_mode):
            mode, content = 0o120000, os.fsencode(os.readlink(full))
        else:
            mode = 0o100755 if info.st_mode & 0o100 else 0o100644
            with open(full, "rb") as file:
                content = file.read()
        rows.append((os.fsencode(path), mode, pack.add(_BLOB, content)))
    rows.sort()
    tree = _trees(pack, rows)
    commit = pack.add(_COMMIT, b"tree %s\nauthor %s\ncommitter %s\n\nThe task\n" % (tree.hex().encode(), WHO, WHO))
    packed, index = pack.files()
    name = "objects/pack/pack-" + packed[-20:].hex()
    files = {
        "HEAD": b"ref: refs/heads/main\n", "config": CONFIG, "refs/heads/main": commit.hex().encode() + b"\n",
        "index": _index(rows), name + ".pack": packed, name + ".idx": index,
    }  # fmt: skip
    for place in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
        os.makedirs(os.path.join(root, ".git", place))
    for place, content in files.items():
        with open(os.path.join(root, ".git", place), "xb") as file:
            file.write(content)


def _trees(pack: Pack, rows: list[tuple[bytes, int, bytes]]) -> bytes:
    """The name of the tree of all rows; every tree below it is added too."""
    entries: dict[bytes, tuple[int, bytes]] = {}
    below: dict[bytes, list[tuple[bytes, int, bytes]]] = {}
    for path, mode, name in rows:
        top, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(top, []).append((rest, mode, name))
        else:
            entries[top] = (mode, name)
    for top, inside in below.items():
        entries[top] = (0o40000, _trees(pack, inside))
    # Directories are sorted as if their names ended in a slash.
    order = sorted(entries, key=lambda top: top + b"/" if entries[top][0] == 0o40000 else top)
    return pack.add(_TREE, b"".join(b"%o %s\0%s" % (entries[top][0], top, entries[top][1]) for top in order))


def _index(rows: list[tuple[bytes, int, bytes]]) -> bytes:
    """What git holds as staged. Times and sizes are left zero: git looks at the contents and fills them in."""
    index = bytearray(struct.pack(">4sII", b"DIRC", 2, len(rows)))
    for path, mode, name in rows:
        row = struct.pack(">10I20sH", 0, 0, 0, 0, 0, 0, mode, 0, 0, 0, name, min(len(path), 0xFFF)) + path
        index += row + b"\0" * (8 - len(row) % 8)
    return bytes(index + hashlib.sha1(index).digest())


def _forget(root: str) -> None:
    fd = os.open(root, DIRECTORY)
    try:
        clear(fd, ".git")
    finally:
        os.close(fd)
