"""Logs, blobs and run directories on disk: append, read, verify, recover, lock. Knows what an event is, not more."""
