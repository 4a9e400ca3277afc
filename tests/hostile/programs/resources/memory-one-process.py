"""Takes memory without end in one process: it is told that there is no more."""
held = []
try:
    for _ in range(64):
        held.append(bytes(64 << 20))
    escaped("4 GiB")
except MemoryError:
    held.clear()
