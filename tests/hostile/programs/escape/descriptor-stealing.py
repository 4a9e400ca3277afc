"""Takes descriptors out of other processes by pidfd_getfd and /proc: refused for all, and process 1 is not even readable."""
for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    denied("pidfd_getfd", 438, 438, os.pidfd_open(pid), 0, 0)
refused("descriptors", os.listdir, "/proc/1/fd")
refused("descriptor", os.open, "/proc/1/fd/3", os.O_WRONLY)
