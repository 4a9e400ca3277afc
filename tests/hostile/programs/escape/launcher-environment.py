"""Looks for the harness's variables in every /proc/*/environ, and for its command line: none can be read."""
wanted = (WORLD["variable"] + "=").encode()
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    for name in ("environ", "cmdline"):
        try:
            data = open("/proc/%s/%s" % (pid, name), "rb").read()
        except OSError:
            continue
        if wanted in data or (name == "cmdline" and b"rollout" in data):
            escaped(pid + name)
if WORLD["variable"] in os.environ:
    escaped("environment")
