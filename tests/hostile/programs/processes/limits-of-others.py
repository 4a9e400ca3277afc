"""Limits of the processes that watch a call, and of any other, can not be set; those of one's own can."""

import resource

for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_AS):
    for pid in {1, os.getppid()} - {0}:
        try:
            resource.prlimit(pid, kind, (0, 0))
        except (PermissionError, ProcessLookupError):
            continue
        escaped("limit %d of process %d was set" % (kind, pid))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
time.sleep(0.3)
