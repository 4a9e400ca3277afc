"""Writes into every descriptor that it was born with, up to 4096: none of them leads to the host or the runtime."""
for fd in range(3, 4096):
    try:
        target = os.readlink("/proc/self/fd/%d" % fd)
    except OSError:
        continue
    if target.startswith("socket:") or FOLDER in target or RUN in target or "/opt/runtime" in target:
        escaped("%d is %s" % (fd, target))
