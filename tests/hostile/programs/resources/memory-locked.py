"""Locks memory, raises every limit, becomes hard to kill: no limit can be raised."""
import resource

for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CPU", "RLIMIT_CORE"):
    kind = getattr(resource, name)
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        escaped(name + " is endless")
    refused(name, resource.setrlimit, kind, (hard + 1, hard + 1), by=(ValueError, OSError))
refused("out of memory last", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000"))
