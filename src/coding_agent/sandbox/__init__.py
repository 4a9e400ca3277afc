"""Sandboxes: the protocol (`base`), the backends, and the resident runtime that runs inside every one of them."""
