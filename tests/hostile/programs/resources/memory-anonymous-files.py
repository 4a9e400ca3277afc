"""Hides memory in anonymous files (memfd), which belong to no process and no file system of a size: refused."""
denied("memfd_create", 319, 279, b"canary", 0)
denied("memfd_secret", 447, 447, 0)
