"""Names for sessions."""

import hashlib


def token_for(user, counter):
    """A stable token; two logins of one user differ by their counter."""
    return hashlib.sha256(f"{user}/{counter}".encode()).hexdigest()[:16]
