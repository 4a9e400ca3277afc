"""Content that is too large or too odd for a line: `blobs/<sha256>`, durable before the event that names it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

import attrs

from coding_agent.errors import LogDamaged, StoreUnreadable, StoreUnwritable
from coding_agent.store.disk import REAL_DISK, Disk, make_directories, not_read, write_file

LARGEST = 1 << 30
"""Bytes. A call may change far less. What is longer is no blob, and is not read to find that out."""
TOO_LONG = f"it is longer than any blob, which has at most {LARGEST} bytes"


@attrs.frozen
class BlobStore:
    """A directory of files named by their SHA-256."""

    directory: Path
    disk: Disk = REAL_DISK

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its name. One that is there is compared, and put right when it differs."""
        name = hashlib.sha256(data).hexdigest()
        target = self.directory / name
        try:
            make_directories(self.disk, self.directory)
            if self.disk.exists(target) and self._read(target, len(data)) == data:
                # Whoever wrote it may not have come to this line yet.
                self.disk.sync_directory(self.directory)
            else:
                write_file(self.disk, target, data)
        except OSError as error:
            raise StoreUnwritable(str(target), f"can not be written: {error.strerror or error}") from error
        return name

    def get(self, name: str) -> bytes:
        """Raises LogDamaged when its content is not what its name says, StoreUnreadable, StoreError when it is gone."""
        target = self.directory / name
        try:
            data = self._read(target, LARGEST)
        except OSError as error:
            raise not_read(target, error) from error
        if data is None:
            raise LogDamaged(str(target), TOO_LONG)
        if hashlib.sha256(data).hexdigest() != name:
            raise LogDamaged(str(target), "the content is not what the name says")
        return data

    def problem(self, name: str) -> tuple[Literal["missing", "damaged", "unreadable"], str] | None:
        """What is wrong with a blob; None: nothing. Reads it piece by piece."""
        digest = hashlib.sha256()
        try:
            with self.disk.read(self.directory / name) as stream:
                if stream.seek(0, os.SEEK_END) > LARGEST:
                    return "damaged", TOO_LONG
                stream.seek(0)
                while piece := stream.read(1 << 20):
                    digest.update(piece)
        except FileNotFoundError:
            return "missing", "there is no such blob"
        except OSError as error:
            refused = not_read(self.directory / name, error)
            return "unreadable" if isinstance(refused, StoreUnreadable) else "damaged", refused.what
        return None if digest.hexdigest() == name else ("damaged", "the content is not what the name says")

    def _read(self, target: Path, most: int) -> bytes | None:
        """None: it is longer than that."""
        with self.disk.read(target) as stream:
            if stream.seek(0, os.SEEK_END) > most:
                return None
            stream.seek(0)
            return stream.read()
