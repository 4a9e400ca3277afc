"""Enters the namespaces of another process, by descriptor and by pidfd: refused."""
for name in ("mnt", "net", "pid", "user", "ipc", "uts"):
    for pid in ("1", "self"):
        try:
            fd = os.open("/proc/%s/ns/%s" % (pid, name), os.O_RDONLY)
        except OSError:
            continue
        denied("setns " + name, 308, 268, fd, 0)
denied("setns", 308, 268, os.pidfd_open(1), 0x00020000)
