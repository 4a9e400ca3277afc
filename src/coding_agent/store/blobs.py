"""Content that is too large or too odd for a line: `blobs/<sha256>`, durable before the event that names it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged, StoreError
from coding_agent.store.writer import sync_directory


@attrs.frozen
class BlobStore:
    """A directory of files named by their SHA-256."""

    directory: Path

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its name. Storing it again costs a look."""
        name = hashlib.sha256(data).hexdigest()
        target = self.directory / name
        if target.exists():
            return name
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.NamedTemporaryFile(dir=self.directory, prefix=".new-", delete=False) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).rename(target)
            sync_directory(self.directory)
        except OSError as error:
            raise StoreError(str(target), f"can not be written: {error.strerror}") from error
        return name

    def get(self, name: str) -> bytes:
        """Raises StoreError when it is missing, LogDamaged when its content is not what its name says."""
        target = self.directory / name
        try:
            data = target.read_bytes()
        except OSError as error:
            raise StoreError(str(target), f"can not be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != name:
            raise LogDamaged(str(target), "the content is not what the name says")
        return data
