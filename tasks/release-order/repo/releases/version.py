"""Versions and their order."""

import re
from functools import total_ordering

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*))?")


@total_ordering
class Version:
    """`MAJOR.MINOR.PATCH`, or `MAJOR.MINOR.PATCH-PRE.RELEASE`. Raises ValueError for what is no version."""

    def __init__(self, text):
        found = _VERSION.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a version")
        self.release = tuple(int(number) for number in found.group(1, 2, 3))
        self.pre = tuple(found[4].split(".")) if found[4] else ()

    @property
    def is_final(self):
        return not self.pre

    def _key(self):
        return self.release, self.is_final, self.pre

    def __eq__(self, other):
        return isinstance(other, Version) and self._key() == other._key()

    def __lt__(self, other):
        return self._key() < other._key()

    def __hash__(self):
        return hash(self._key())

    def __str__(self):
        plain = ".".join(map(str, self.release))
        return plain if self.is_final else plain + "-" + ".".join(self.pre)


def order(texts):
    """The versions as they were written, oldest first."""
    return sorted(texts, key=Version)
