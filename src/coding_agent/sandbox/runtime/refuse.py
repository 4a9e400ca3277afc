"""Saying no: a request that can not be carried out, for a reason that the agent can see and mend."""

from __future__ import annotations

import errno

_CODES = {
    errno.ENOENT: "not_found",
    errno.EISDIR: "is_directory",
    errno.ENOTDIR: "not_directory",
    errno.ELOOP: "symlink",
    errno.EEXIST: "exists",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "too_large",
    errno.ENAMETOOLONG: "bad_name",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
}


class Refuse(Exception):
    """Becomes `sandbox.base.Refused` on the host."""

    def __init__(self, code: str, path: str, detail: str = "") -> None:
        self.code, self.path, self.detail = code, path, detail
        super().__init__(code)


def refusal(error: OSError, path: str) -> Refuse:
    """The refusal that an operating system error amounts to."""
    return Refuse(_CODES.get(error.errno or 0, "permission"), path, error.strerror or "")
