"""Connects to a Unix socket of the host by every way to name it: nothing with that name is there."""
for base in ("", "/proc/self/root", "/proc/1/root", "/oldroot", "/newroot"):
    refused("connected", socket.socket(socket.AF_UNIX).connect, base + WORLD["socket"])
