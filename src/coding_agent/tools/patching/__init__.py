"""Unified diffs: repaired (`counts`), read (`parse`), placed (`match`, `nearest`) and applied (`result`).

Pure: bytes in, bytes out. Line numbers in a patch are hints; its text is not: whitespace is never ignored.
"""
