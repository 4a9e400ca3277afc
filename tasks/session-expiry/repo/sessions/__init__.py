"""Sessions that end by themselves."""

from sessions.store import SessionStore
from sessions.tokens import token_for

__all__ = ["SessionStore", "token_for"]
