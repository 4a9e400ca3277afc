"""Stores and reads keys in the host user's keyrings: every keyring call is refused."""
denied("add_key", 248, 217, b"user", b"canary", b"x", 1, -4)
denied("request_key", 249, 218, b"user", b"canary", None, -4)
denied("keyctl", 250, 219, 0, -4, 0, 0, 0)
