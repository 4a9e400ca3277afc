"""Walks to the host through /proc: roots, working directories, descriptors and map files of every process."""
for pid in [p for p in os.listdir("/proc") if p.isdigit()] + ["self", "thread-self"]:
    for way in ("root", "cwd", "cwd/..", "cwd/../..", "fd/0", "fd/1", "task/1/root"):
        for place in (CANARY, CHECKOUT + "/pyproject.toml", RUN):
            if os.path.exists("/proc/%s/%s%s" % (pid, way, place)):
                escaped("/proc/%s/%s" % (pid, way))
